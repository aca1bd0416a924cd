import { join } from 'node:path';
import { writeJson } from '../../platform/json-file.ts';
import type { EvaluateInput, RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import { z } from 'zod';
import type { ControlOptions } from '../../clients/gateway-client.ts';
import { runJobForLastLine, tokenFor } from '../jobs/job.ts';
import { readReleaseMetrics } from './release-metrics.ts';
import type { EvaluationResult } from '../../domain/core/evaluation-result.ts';

export interface EvaluationDeps {
  readonly control: ControlOptions;
  readonly releasesDir: string;
  /** Results go to `<artifactsDir>/eval/<name>.json`. */
  readonly artifactsDir: string;
}

/** What evaluation-main prints as its last line. */
const evaluated = z.object({
  kind: z.literal('evaluated'),
  queries: z.int().positive(),
  rAt5: z.number(),
  mrr: z.number(),
  containAt50: z.number(),
  /** Ids of the queries that were asked, and of those found at 5. */
  asked: z.array(z.string()),
  hitsAt5: z.array(z.string()),
  metrics: z.record(z.string(), z.unknown()),
});
const outcome = z.union([evaluated, z.object({ kind: z.literal('failed'), reason: z.string() })]);
export type EvaluationOutcome = z.infer<typeof outcome>;

/** Labelled evaluation of a live lane, by a niced child process: the worker's event loop stays free for a rollback. */
export function createEvaluation(deps: EvaluationDeps): Pick<RolloutActivities, 'evaluate'> {
  return {
    async evaluate(input) {
      const answer = await runEvaluation(deps, input);
      if (answer.kind === 'failed') return { kind: 'missing', reason: answer.reason };
      return writeResult(deps, input, answer);
    },
  };
}

function runEvaluation(deps: EvaluationDeps, input: EvaluateInput): Promise<EvaluationOutcome> {
  const { control } = deps;
  const job = {
    controlUrl: control.url,
    releaseDir: join(deps.releasesDir, input.release),
    release: input.release,
    lane: input.lane,
    maxQueries: input.maxQueries ?? null,
  };
  return runJobForLastLine('evaluation/live-main', job, outcome, tokenFor(control));
}

async function writeResult(
  deps: EvaluationDeps,
  input: EvaluateInput,
  answer: z.infer<typeof evaluated>,
): Promise<EvaluationResult> {
  const before = await readReleaseMetrics(join(deps.releasesDir, input.release));
  const asked = new Set(answer.asked);
  const foundBefore = new Set(before.hits_at_5.filter((id) => asked.has(id)));
  const foundNow = new Set(answer.hitsAt5);
  const file = join(deps.artifactsDir, 'eval', `${input.name}.json`);
  const result = {
    kind: 'evaluated',
    release: input.release,
    atMs: Date.now(),
    queries: answer.queries,
    rAt5: answer.rAt5,
    mrr: answer.mrr,
    containAt50: answer.containAt50,
    expected: { rAt5: foundBefore.size / answer.queries, mrr: before.MRR, containAt50: before.Contain_at_50 },
    lostAt5: [...foundBefore].filter((id) => !foundNow.has(id)).length,
    gainedAt5: [...foundNow].filter((id) => !foundBefore.has(id)).length,
    file,
  } as const;
  await writeJson(file, { ...result, metrics: answer.metrics });
  return result;
}
