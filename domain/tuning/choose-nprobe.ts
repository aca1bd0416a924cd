import type { Interval } from '../statistics/proportion.ts';

/** What the choice is to favour; the runbook's three variants. */
export type NprobePriority = 'balanced' | 'latency' | 'accuracy';

/** What a sweep found at one nprobe. */
export interface NprobeTrial {
  readonly nprobe: number;
  /** Recall@10 against FLAT minus 1, in points: 0 is exact, -1.2 finds 1.2 % less. */
  readonly deltaPoints: number;
  readonly p95Ms: number;
}

/** A trial with how sure it is; intervals are 95 %. */
export interface TrialSummary extends NprobeTrial {
  /** Share of FLAT's k that IVF found. */
  readonly recall: number;
  readonly deltaInterval: Interval;
  readonly p50Ms: number;
  readonly p95Interval: Interval;
  /** Rounds that were counted. */
  readonly repeats: number;
}

export type NprobeChoice =
  | { readonly kind: 'chosen'; readonly nprobe: number; readonly reason: string }
  /** None qualifies; `pareto` are the trials that no other beats in both, fastest first. */
  | { readonly kind: 'hold'; readonly reason: string; readonly pareto: readonly NprobeTrial[] };

/**
 * Least ∆R@10 in points. -0.5 is the runbook's; who asks for latency accepts more, but not the 3 points at which the
 * runbook starts another tuning.
 */
const LEAST_DELTA: Readonly<Record<NprobePriority, number>> = { balanced: -0.5, latency: -3, accuracy: -0.5 };
/** A hair below the limit in binary is still on it. */
const HAIR = 1e-9;

/**
 * The smallest nprobe with ∆R@10 and P95 within their limits; for accuracy the one that finds most within the target
 * (runbook, "Nprobe Tuning"). A trial without numbers never qualifies.
 */
export function chooseNprobe(
  trials: readonly NprobeTrial[],
  priority: NprobePriority,
  targetP95Ms: number,
): NprobeChoice {
  const measured = trials
    .filter(({ deltaPoints, p95Ms }) => Number.isFinite(deltaPoints) && Number.isFinite(p95Ms))
    .toSorted((a, b) => a.nprobe - b.nprobe);
  const least = LEAST_DELTA[priority];
  const limits = `∆R@10 >= ${least} points and P95 <= ${targetP95Ms} ms`;
  const qualified = measured.filter(
    ({ deltaPoints, p95Ms }) => deltaPoints >= least - HAIR && p95Ms <= targetP95Ms,
  );
  const [smallest] = qualified;
  if (smallest === undefined)
    return {
      kind: 'hold',
      reason:
        measured.length === 0 ? 'no nprobe was measured' : `no nprobe of ${listOf(measured)} has ${limits}`,
      pareto: paretoFront(measured),
    };
  const best = priority === 'accuracy' ? mostAccurate(qualified, smallest) : smallest;
  const rule = priority === 'accuracy' ? 'finds most' : 'is the smallest';
  return { kind: 'chosen', nprobe: best.nprobe, reason: `${formatTrial(best)} ${rule} with ${limits}` };
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

/** Trials that no other beats in latency and accuracy, fastest first. */
function paretoFront(trials: readonly NprobeTrial[]): NprobeTrial[] {
  const beats = (a: NprobeTrial, b: NprobeTrial) =>
    a.p95Ms <= b.p95Ms &&
    a.deltaPoints >= b.deltaPoints &&
    (a.p95Ms < b.p95Ms || a.deltaPoints > b.deltaPoints);
  return trials
    .filter((trial) => !trials.some((other) => beats(other, trial)))
    .toSorted((a, b) => a.p95Ms - b.p95Ms);
}

/** Of equals the smaller nprobe. */
function mostAccurate(ascending: readonly NprobeTrial[], first: NprobeTrial): NprobeTrial {
  return ascending.reduce((best, trial) => (trial.deltaPoints > best.deltaPoints ? trial : best), first);
}

function listOf(trials: readonly NprobeTrial[]): string {
  return trials.map(({ nprobe }) => nprobe).join(', ');
}
