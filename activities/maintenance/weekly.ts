import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type {
  IvfReport,
  MergeReport,
  PublishReport,
  RetrainReport,
  WeeklyActivities,
  WeeklyPlan,
} from '../../domain/contracts/maintenance-activities.ts';
import type { CleanEvaluationDeps } from '../evaluation/offline.ts';
import { readResult, recordEvaluation } from '../evaluation/record-result.ts';
import { runJob } from '../jobs/job.ts';
import { releaseQuality } from '../evaluation/release-metrics.ts';

const MODULE = 'maintenance/weekly-main';
const planned = z.object({ ingestFrom: z.number(), ingestUntil: z.number(), key: z.string() });
const count = z.int().nonnegative();
const merged: z.ZodType<MergeReport> = z.object({
  rowsBefore: count,
  rows: count,
  added: count,
  replaced: count,
  removed: count,
  passedOver: count,
  reasons: z.array(z.string()),
  newArticles: count,
});
const truth = z.object({ rows: count, dimension: count });
const choice = z.object({ yes: z.boolean(), reason: z.string() });
const ivf: z.ZodType<IvfReport> = z.object({
  before: z.object({ trainedOn: count, rows: count, imbalance: z.number(), longestTimesMean: z.number() }),
  rebuilt: choice,
  nlist: count,
  imbalance: z.number(),
  starts: z.array(z.number()),
});
const quality = z.object({ rAt5: z.number(), mrr: z.number() });
const retrained: z.ZodType<RetrainReport> = z.object({
  contest: z.object({
    queries: count,
    articles: count,
    before: quality,
    after: quality,
    lostAt5: count,
    gainedAt5: count,
  }),
  trainedOn: z.object({ articles: count, queries: count }),
});
const published: z.ZodType<PublishReport> = z.object({
  release: z.string(),
  rows: count,
  rAt5: z.number(),
  containAt50: z.number(),
  refusals: z.array(z.string()),
  sha256: z.string(),
});

/** The steps of the weekly maintenance, each in a niced child process with its files in `<artifactsDir>/weekly/<key>/`. */
export function createWeekly(deps: CleanEvaluationDeps): WeeklyActivities {
  const { releasesDir, artifactsDir, ingestLog } = deps;
  const workOf = ({ base, key }: WeeklyPlan) => ({
    baseDir: join(releasesDir, base),
    workDir: join(artifactsDir, 'weekly', key),
  });
  const step = <T>(plan: WeeklyPlan, name: string, result: z.ZodType<T>, more: object = {}) =>
    runJob(MODULE, { step: name, ...workOf(plan), ...more }, result);
  return {
    async planWeekly({ run, date, atMs }) {
      const base = (await deps.control.view()).state.lanes.stable.release;
      const baseDir = join(releasesDir, base);
      const found = await runJob(MODULE, { step: 'plan', baseDir, ingestLog, run }, planned);
      return { base, version: await freeVersion(releasesDir, date), date, atMs, ...found };
    },
    mergeCorpus: (plan) => step(plan, 'merge', merged, { ingestLog, ingestUntil: plan.ingestUntil }),
    rebuildTruth: (plan) => step(plan, 'truth', truth),
    async evaluateMerged(plan) {
      const { base, version, key, date, atMs } = plan;
      const folder = join(artifactsDir, 'eval');
      const file = join(folder, `${version.replace('weekly-', 'weekly_')}.json`);
      const about = { kind: 'weekly', date, atMs, modelsOf: base, index: 'flat' };
      await mkdir(folder, { recursive: true });
      await step(plan, 'evaluate', z.object({}), { version, key, out: file, about });
      const result = await readResult(file, key);
      if (result === null) throw new Error(`${file} was written by another evaluation meanwhile`);
      const recorded = await recordEvaluation(artifactsDir, result, {
        release: version,
        kind: 'weekly',
        date,
        atMs,
        // Its models are those of the base.
        expected_R_at_5: (await releaseQuality(join(releasesDir, base)))?.rAt5 ?? null,
      });
      return { ...recorded, file };
    },
    prepareIvf: (plan) => step(plan, 'ivf', ivf),
    retrainReranker: (plan) => step(plan, 'retrain', retrained),
    publishRelease: ({ plan, reranker, ivfTrainedOn }) =>
      step(plan, 'publish', published, {
        version: plan.version,
        releasesDir,
        reranker,
        ivfTrainedOn,
        ingestUntil: plan.ingestUntil,
      }),
    async dropWork(plan) {
      await step(plan, 'drop', z.object({}));
    },
  };
}

/** weekly-YYYYMMDD, or the first of weekly-YYYYMMDD-2, -3 … that no release has. */
async function freeVersion(releasesDir: string, date: string): Promise<string> {
  const taken = new Set(await readdir(releasesDir));
  const names = Array.from(
    { length: taken.size + 1 },
    (_, i) => `weekly-${date}${i === 0 ? '' : `-${i + 1}`}`,
  );
  return names.find((name) => !taken.has(name)) ?? `weekly-${date}`;
}
