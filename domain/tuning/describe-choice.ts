import type { NprobeChoice, NprobeTrial, TrialSummary } from './choose-nprobe.ts';

/** Why an nprobe is chosen, or why none is. */
export function describeChoice(choice: NprobeChoice): string {
  const { leastDeltaPoints, mostP95Ms } = choice.limits;
  const limits = `∆R@10 >= ${leastDeltaPoints} points and P95 <= ${mostP95Ms} ms`;
  if (choice.kind === 'chosen') {
    const rule = choice.by === 'mostAccurate' ? 'finds most' : 'is the smallest';
    return `${formatTrial(choice.trial)} ${rule} with ${limits}`;
  }
  return choice.measured.length === 0
    ? 'no nprobe was measured'
    : `no nprobe of ${choice.measured.join(', ')} has ${limits}`;
}

/** A trial as the runbook writes it. */
export function formatTrial({ nprobe, p95Ms, deltaPoints }: NprobeTrial): string {
  return `nprobe=${nprobe} (P95=${p95Ms.toFixed(2)}ms, ∆R@10=${deltaPoints.toFixed(1)}pp)`;
}

/** A trial with its bands. */
export function formatTrialIntervals(trial: TrialSummary): string {
  const { deltaInterval: delta, p95Interval: p95 } = trial;
  return `${formatTrial(trial)}, 95 %: ${p95.low.toFixed(2)} to ${p95.high.toFixed(2)} ms, ${delta.low.toFixed(2)} to ${delta.high.toFixed(2)} pp`;
}
