/** Child process of the weekly maintenance: one step of it. A step that was done answers as it did then. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { readJson, writeJson } from '../../platform/json-file.ts';
import { evaluateMergedCorpus, trainContender } from '../../retrieval/build/weekly-models.ts';
import { prepareIvf, publishWeekly, writeTruth } from '../../retrieval/build/weekly-release.ts';
import { once, writeMerged } from '../../retrieval/build/weekly-work.ts';
import { logEnd } from '../../retrieval/ingest/replay.ts';
import { readManifest } from '../../retrieval/release/manifest.ts';
import { verifyRelease } from '../../retrieval/release/verify.ts';
import { ReleaseError } from '../../retrieval/release/manifest.ts';
import { SMOKE_TESTS } from '../../retrieval/smoke.ts';
import { serveJob } from '../jobs/job.ts';

const work = { baseDir: z.string(), workDir: z.string() };
const job = z.discriminatedUnion('step', [
  z.object({ step: z.literal('plan'), baseDir: z.string(), ingestLog: z.string(), run: z.string() }),
  z.object({ step: z.literal('merge'), ...work, ingestLog: z.string(), ingestUntil: z.number() }),
  z.object({ step: z.literal('truth'), ...work }),
  z.object({
    step: z.literal('evaluate'),
    ...work,
    version: z.string(),
    key: z.string(),
    out: z.string(),
    about: z.record(z.string(), z.unknown()),
  }),
  z.object({ step: z.literal('ivf'), ...work }),
  z.object({ step: z.literal('retrain'), ...work }),
  z.object({
    step: z.literal('publish'),
    ...work,
    version: z.string(),
    releasesDir: z.string(),
    reranker: z.enum(['old', 'new']),
    ivfTrainedOn: z.int().positive(),
    ingestUntil: z.number(),
  }),
  z.object({ step: z.literal('drop'), workDir: z.string() }),
]);
type Job = z.infer<typeof job>;
type StepJob<S extends Job['step']> = Extract<Job, { step: S }>;

/** A progress line every so many queries. */
const SAY_EVERY = 50;

await serveJob(job, async (asked, say): Promise<unknown> => {
  const counted = (done: number, total: number) => {
    if (done % SAY_EVERY === 0) say(`asked ${done} of ${total}`);
  };
  switch (asked.step) {
    case 'plan':
      return plan(asked);
    case 'merge':
      return once(asked.workDir, 'merge', () =>
        writeMerged(asked, { file: asked.ingestLog, until: asked.ingestUntil }),
      );
    case 'truth':
      return once(asked.workDir, 'truth', () => writeTruth(asked));
    case 'evaluate':
      return once(asked.workDir, 'evaluate', () => evaluate(asked, counted));
    case 'ivf':
      return once(asked.workDir, 'ivf', () => prepareIvf(asked, say));
    case 'retrain':
      return once(asked.workDir, 'retrain', () => trainContender(asked, counted));
    case 'publish':
      return publish(asked, say);
    case 'drop':
      return rm(asked.workDir, { recursive: true, force: true }).then(() => ({}));
    default:
      return asked satisfies never;
  }
});

async function plan({ baseDir, ingestLog, run }: StepJob<'plan'>): Promise<object> {
  const { problems } = await verifyRelease(baseDir);
  const [problem] = problems;
  if (problem) throw new ReleaseError(problem.file, problem.reason);
  const { ingestOffset, version } = await readManifest(baseDir);
  const { until } = await logEnd(ingestLog, ingestOffset);
  const key = createHash('sha256').update(`${run}\n${version}\n${until}`).digest('hex').slice(0, 16);
  return { ingestFrom: ingestOffset, ingestUntil: until, key };
}

async function evaluate(
  { version, key, out, about, ...of }: StepJob<'evaluate'>,
  say: (done: number, total: number) => void,
): Promise<object> {
  const result = await evaluateMergedCorpus(of, version, say);
  await writeJson(out, { key, ...about, ...result });
  return {};
}

async function publish(asked: StepJob<'publish'>, say: (line: string) => void): Promise<object> {
  const { dir, sha256 } = await publishWeekly(asked, asked, say);
  const { ntotal } = await readManifest(dir);
  const { R_at_5, Contain_at_50 } = z
    .object({ R_at_5: z.number(), Contain_at_50: z.number() })
    .parse(await readJson(`${dir}/metrics.json`));
  const refusals: string[] = [];
  for (const smoke of SMOKE_TESTS) {
    const { ok, name, reason } = await smoke(dir);
    if (!ok) refusals.push(`${name}: ${reason}`);
  }
  return { release: asked.version, rows: ntotal, rAt5: R_at_5, containAt50: Contain_at_50, refusals, sha256 };
}
