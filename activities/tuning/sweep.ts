import { join } from 'node:path';
import { writeJson, writeWhole } from '../../platform/json-file.ts';
import { z } from 'zod';
import type { TrialSummary } from '../../domain/tuning/choose-nprobe.ts';
import { chooseNprobe } from '../../domain/tuning/choose-nprobe.ts';
import { describeChoice } from '../../domain/tuning/describe-choice.ts';
import type { SweepInput, SweepResult, TuningActivities } from '../../domain/contracts/tuning-activities.ts';
import type { ControlOptions } from '../../clients/gateway-client.ts';
import { runJobForLastLine, tokenFor } from '../jobs/job.ts';
import { lineChart } from '../evaluation/line-chart.ts';

export interface SweepDeps {
  readonly control: ControlOptions;
  readonly releasesDir: string;
  /** Files go to `<artifactsDir>/tuning/`. */
  readonly artifactsDir: string;
}

/** The runbook's. */
const QUERIES = 500;

const interval = z.object({ low: z.number(), high: z.number() });
const swept = z.object({
  kind: z.literal('swept'),
  queries: z.int().positive(),
  trials: z.array(
    z.object({
      nprobe: z.int().positive(),
      deltaPoints: z.number(),
      p95Ms: z.number(),
      recall: z.number(),
      deltaInterval: interval,
      p50Ms: z.number(),
      p95Interval: interval,
      repeats: z.int(),
      found: z.array(z.int()).readonly(),
    }),
  ),
});
/** What sweep-main prints as its last line. */
const outcome = z.union([swept, z.object({ kind: z.literal('failed'), reason: z.string() })]);
export type SweepOutcome = z.infer<typeof outcome>;
type Swept = z.infer<typeof swept>;

/** A sweep of a live lane by a niced child process; `missing` with the reason where it could not be made whole. */
export function createSweep(deps: SweepDeps): Pick<TuningActivities, 'sweepNprobe'> {
  return {
    async sweepNprobe(input) {
      const answer = await runSweep(deps, input);
      if (answer.kind === 'failed') return { kind: 'missing', reason: answer.reason };
      return writeSweep(deps, input, answer);
    },
  };
}

function runSweep({ control, releasesDir }: SweepDeps, input: SweepInput): Promise<SweepOutcome> {
  const { lane, release, flags, nprobes } = input;
  const job = {
    controlUrl: control.url,
    releaseDir: join(releasesDir, release),
    release,
    lane,
    flags,
    nprobes,
    maxQueries: QUERIES,
  };
  return runJobForLastLine('tuning/sweep-main', job, outcome, tokenFor(control));
}

/** JSON with all numbers and the choice that follows from them, and the plot beside it; a retry writes the same files. */
async function writeSweep(
  deps: SweepDeps,
  input: SweepInput,
  { queries, trials }: Swept,
): Promise<SweepResult> {
  const { priority, targetMs, lane, release, flags } = input;
  const folder = join(deps.artifactsDir, 'tuning');
  const file = join(folder, `${input.name}.json`);
  const choice = chooseNprobe(trials, priority, targetMs);
  const why = { ...choice, reason: describeChoice(choice) };
  const result = { release, lane, flags, queries, priority, targetMs, choice: why, trials };
  await writeJson(file, result);
  await writeWhole(join(folder, `${input.name}.svg`), plotOf(input, trials));
  return { kind: 'swept', queries, file, trials: trials.map(withoutSamples) };
}

/** No raw sample goes into a workflow's history. */
function withoutSamples(trial: Swept['trials'][number]): TrialSummary {
  const { nprobe, deltaPoints, p95Ms, recall, deltaInterval, p50Ms, p95Interval, repeats } = trial;
  return { nprobe, deltaPoints, p95Ms, recall, deltaInterval, p50Ms, p95Interval, repeats };
}

function plotOf({ release, targetMs, priority }: SweepInput, trials: Swept['trials']): string {
  return lineChart({
    title: `nprobe sweep of ${release}: ${priority}, P95 of ${targetMs} ms is wanted`,
    x: { label: 'P95 of retrieval, ms', include: [0, targetMs] },
    y: { label: 'recall@10 against FLAT, points', include: [0] },
    limits: [{ y: -0.5, label: '-0.5 points' }],
    series: [
      {
        name: 'nprobe',
        drawn: 'line-and-points',
        points: trials.map(({ p95Ms, deltaPoints, nprobe }) => ({
          x: p95Ms,
          y: deltaPoints,
          label: String(nprobe),
        })),
      },
    ],
  });
}
