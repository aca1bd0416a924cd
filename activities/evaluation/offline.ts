import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type {
  EvaluationActivities,
  EvaluationPlan,
  JoinEvaluation,
  JoinedEvaluation,
} from '../../domain/contracts/evaluation-activities.ts';
import type { ControlClient } from '../../clients/gateway-client.ts';
import type { ResultFile } from './record-result.ts';
import { readResult, recordEvaluation } from './record-result.ts';
import { runJob } from '../jobs/job.ts';
import { readReleaseMetrics } from './release-metrics.ts';
import { shardsOf } from '../../domain/evaluation/shards.ts';

export interface CleanEvaluationDeps {
  readonly control: Pick<ControlClient, 'view'>;
  readonly releasesDir: string;
  /** `eval/` of it holds results, history and trend; for a sharded evaluation all workers see the same folder. */
  readonly artifactsDir: string;
  /** The gateway's log of chunks that came and went. */
  readonly ingestLog: string;
}

const MODULE = 'evaluation/offline-main';
const planned = z.object({ queries: z.int().positive(), ingestUntil: z.number(), key: z.string() });
const shardDone = z.object({ asked: z.int().nonnegative(), reused: z.boolean() });

/** The clean evaluation of a release, in shards that any number of workers share. */
export function createCleanEvaluation(
  deps: CleanEvaluationDeps,
): Omit<EvaluationActivities, 'evaluateRules'> {
  const { releasesDir, ingestLog } = deps;
  return {
    async planEvaluation({ release: asked, shards, run }) {
      const view = await deps.control.view();
      const stable = view.state.lanes.stable.release;
      const release = asked ?? stable;
      const found = await runJob(
        MODULE,
        { step: 'plan', dir: join(releasesDir, release), ingestLog, run },
        planned,
      );
      // Users see the effective flags; of a release that nobody sees, its own count.
      const flags = release === stable ? (view.lanes.stable?.flags ?? null) : null;
      return { release, flags, ...found, shards: shardsOf(found.queries, shards) };
    },
    evaluateShard: ({ plan, shard: { from, to } }) =>
      runJob(
        MODULE,
        {
          step: 'shard',
          dir: join(releasesDir, plan.release),
          ingestLog,
          flags: plan.flags,
          ingestUntil: plan.ingestUntil,
          from,
          to,
          file: shardFile(deps, plan.key, from, to),
        },
        shardDone,
      ),
    joinEvaluation: (input) => joinShards(deps, input),
  };
}

async function joinShards(deps: CleanEvaluationDeps, input: JoinEvaluation): Promise<JoinedEvaluation> {
  const { plan, kind, date, atMs } = input;
  const { release, key, flags } = plan;
  const file = join(deps.artifactsDir, 'eval', `${kind}_${date}.json`);
  if ((await readResult(file, key)) === null) {
    const dir = join(deps.releasesDir, release);
    const files = plan.shards.map(({ from, to }) => shardFile(deps, key, from, to));
    const about = { kind, date, atMs, flags };
    await runJob(MODULE, { step: 'join', dir, flags, files, out: file, key, about }, z.object({}));
  }
  const result = await readResult(file, key);
  if (result === null) throw new Error(`${file} was written by another evaluation meanwhile`);
  const expected_R_at_5 = await expectedRecall(deps, plan, result);
  const named = { release, kind, date, atMs, expected_R_at_5 };
  const recorded = await recordEvaluation(deps.artifactsDir, result, named);
  await rm(join(deps.artifactsDir, 'eval', 'shards', key), { recursive: true, force: true });
  return { ...recorded, file };
}

/** R@5 that the release promised for the queries that were asked; null where it does not say. */
async function expectedRecall(
  { releasesDir }: CleanEvaluationDeps,
  { release }: EvaluationPlan,
  { gone, queries }: ResultFile,
): Promise<number | null> {
  try {
    const left = new Set(gone);
    const { hits_at_5: before } = await readReleaseMetrics(join(releasesDir, release));
    return before.filter((id) => !left.has(id)).length / queries;
  } catch {
    return null;
  }
}

function shardFile({ artifactsDir }: CleanEvaluationDeps, key: string, from: number, to: number): string {
  return join(artifactsDir, 'eval', 'shards', key, `${from}-${to}.json`);
}
