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

/** What a trial has to keep to be chosen. */
interface ChoiceLimits {
  readonly leastDeltaPoints: number;
  readonly mostP95Ms: number;
}

export type NprobeChoice =
  | {
      readonly kind: 'chosen';
      readonly nprobe: number;
      readonly trial: NprobeTrial;
      readonly by: 'smallest' | 'mostAccurate';
      readonly limits: ChoiceLimits;
    }
  /** None qualifies; `pareto` are the trials that no other beats in both, fastest first. */
  | {
      readonly kind: 'hold';
      readonly measured: readonly number[];
      readonly pareto: readonly NprobeTrial[];
      readonly limits: ChoiceLimits;
    };

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
  const limits = { leastDeltaPoints: LEAST_DELTA[priority], mostP95Ms: targetP95Ms };
  const qualified = measured.filter(
    ({ deltaPoints, p95Ms }) => deltaPoints >= limits.leastDeltaPoints - HAIR && p95Ms <= limits.mostP95Ms,
  );
  const [smallest] = qualified;
  if (smallest === undefined)
    return {
      kind: 'hold',
      measured: measured.map(({ nprobe }) => nprobe),
      pareto: paretoFront(measured),
      limits,
    };
  const by = priority === 'accuracy' ? 'mostAccurate' : 'smallest';
  const trial = by === 'mostAccurate' ? mostAccurate(qualified, smallest) : smallest;
  const { nprobe, deltaPoints, p95Ms } = trial;
  return { kind: 'chosen', nprobe, trial: { nprobe, deltaPoints, p95Ms }, by, limits };
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
