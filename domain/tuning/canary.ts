import type { Count, Interval } from '../statistics/proportion.ts';
import { newcombe, wilson, zFor } from '../statistics/proportion.ts';
import type { LaneWindow } from '../metrics/window.ts';
import { SLOWER_SHARE, quantileMs, slowerThan } from '../metrics/histogram.ts';

/** When a window on either side of the change is looked at, ms after its beginning; the last ends it. */
export const CANARY_LOOKS_MS: readonly number[] = [20_000, 40_000, 80_000, 160_000, 320_000, 600_000];
/** Fewer requests say nothing. */
const LEAST_REQUESTS = 200;
const CONFIDENCE = 0.95;
/** The runbook's for a rise of the error rate. */
const ERRORS_MAY_RISE = 0.002;
/** Misses of the quality proxy, as a share: shared/notes' tolerance, by simulation. */
const MISSES_MAY_RISE = 0.02;
/** A lane is slower where it is by 15 % (the runbook's) and by a millisecond: less is the machine's noise. */
const SLOWER = { ratio: 1.15, excessMs: 1 };

/** What the change of nprobe was for. */
export interface CanaryChange {
  readonly from: number;
  readonly to: number;
  /** P95 of retrieval that is wanted, ms. */
  readonly targetMs: number;
}

/**
 * `pass`: nothing got worse. `fail`: something did, for certain. `inconclusive`: something seems to have, or too few requests
 * came; a longer window may tell.
 */
export interface CanaryVerdict {
  readonly verdict: 'pass' | 'fail' | 'inconclusive';
  readonly reason: string;
}

/** The lane's window, if enough requests came for it to be worth comparing with. */
export function withUsers(lane: LaneWindow | null): LaneWindow | null {
  return lane !== null && lane.errors.n >= LEAST_REQUESTS ? lane : null;
}

/**
 * One lane before and after its nprobe was changed, by errors, P95 of retrieval and quality proxy. Raised for accuracy,
 * a lane may become slower, up to the target. The error of the intervals is shared out over the looks (Bonferroni).
 */
export function judgeCanary(
  before: LaneWindow,
  seen: LaneWindow | null,
  change: CanaryChange,
): CanaryVerdict {
  const after = withUsers(seen);
  if (after === null)
    return {
      verdict: 'inconclusive',
      reason: `${seen?.errors.n ?? 0} requests of at least ${LEAST_REQUESTS}`,
    };
  const z = zFor(CONFIDENCE, CANARY_LOOKS_MS.length);
  const judged = [
    judgeRise('error rate', before.errors, after.errors, ERRORS_MAY_RISE, z),
    judgeLatency(before, after, change, z),
    judgeRise('quality proxy misses', missesOf(before), missesOf(after), MISSES_MAY_RISE, z),
  ];
  const worst =
    judged.find(({ verdict }) => verdict === 'fail') ??
    judged.find(({ verdict }) => verdict === 'inconclusive');
  return worst ?? { verdict: 'pass', reason: judged.map(({ reason }) => reason).join('; ') };
}

function missesOf({ quality }: LaneWindow): Count {
  return { hits: quality.n - quality.hits, n: quality.n };
}

function judgeRise(name: string, before: Count, after: Count, tolerance: number, z: number): CanaryVerdict {
  if (before.n === 0 || after.n === 0)
    return { verdict: 'inconclusive', reason: `${name}: nothing was counted` };
  const [was, is] = [before.hits / before.n, after.hits / after.n];
  const reason = `${name} ${percent(was)} of ${before.n} before, ${percent(is)} of ${after.n} after`;
  return { verdict: verdictOf(newcombe(after, before, z), is - was, tolerance), reason };
}

function judgeLatency(
  before: LaneWindow,
  after: LaneWindow,
  { from, to, targetMs }: CanaryChange,
  z: number,
): CanaryVerdict {
  const [was, is] = [quantileMs(before.retrieval, 0.95), quantileMs(after.retrieval, 0.95)];
  if (was === null || is === null)
    return { verdict: 'inconclusive', reason: 'P95 of retrieval: nothing was measured' };
  const slowerMs = Math.max(was * SLOWER.ratio, was + SLOWER.excessMs);
  const limitMs = to > from ? Math.max(slowerMs, targetMs) : slowerMs;
  const { hits, n } = slowerThan(after.retrieval, limitMs);
  const reason = `P95 of retrieval ${was.toFixed(2)} ms before, ${is.toFixed(2)} ms after, limit ${limitMs.toFixed(2)} ms`;
  return { verdict: verdictOf(wilson(hits, n, z), hits / n, SLOWER_SHARE), reason };
}

/** Beyond the tolerance with the whole interval, with the value alone, or not. */
function verdictOf({ low }: Interval, value: number, tolerance: number): CanaryVerdict['verdict'] {
  if (low > tolerance) return 'fail';
  return value > tolerance ? 'inconclusive' : 'pass';
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
