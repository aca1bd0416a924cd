import type { LaneCounts } from '../statistics/likelihood-ratio.ts';
import type { Trigger } from '../plan/plan.ts';
import type { HarmAlarm, PairedCounts } from './concurrent-control.ts';
import { NOTHING, plus, countFailures } from './concurrent-control.ts';
import { describeGrossFailure } from './describe-event.ts';
import { newcombe, wilson } from '../statistics/proportion.ts';
import { SLOWER_SHARE } from '../metrics/p95-limit.ts';

/** A breach needs at least so many requests of the candidate ... */
export const LEAST_REQUESTS = 30;
/** ... in each of so many intervals in a row: the first one may be a spike. */
export const CONSECUTIVE_INTERVALS = 4;
/** One-sided: under 1 in 700 by chance in one interval, under 1 in 10^8 in three. */
const Z = 3;

/** What the fast path of one trigger carries. */
export interface GrossFailureState {
  /** Requests until there are enough to judge. */
  readonly gathered: LaneCounts;
  readonly breaches: number;
}

/**
 * Whether a interval proves an emergency of the candidate alone: the lower bound of its share (E. B. Wilson, JASA 22
 * (1927) 209) lies above the emergency line, and above stable's in the same minutes (R. G. Newcombe, Statistics in
 * Medicine 17 (1998) 873). Null where a lane had too few requests to say: without stable in the same minutes a spike of
 * both lanes looks the same, and the trigger's own time has to do.
 */
export function isGrossFailure({ candidate, stable }: LaneCounts, line: number): boolean | null {
  if (candidate.n < LEAST_REQUESTS || stable.n === 0) return null;
  if (wilson(candidate.hits, candidate.n, Z).low <= line) return false;
  return newcombe(candidate, stable, Z).low > 0;
}

/** One more interval of a sustained trigger: what is certain after three of them need not wait for ten minutes. */
export function grossFailureStep(
  before: GrossFailureState | null,
  trigger: Trigger,
  minutes: PairedCounts,
): { readonly state: GrossFailureState | null; readonly alarm: HarmAlarm | null } {
  const { name, metric, over } = trigger;
  const seen = metric === 'qualityShortfall' ? null : countFailures(metric, minutes, () => over);
  if (seen === null || seen.stable.n === 0 || trigger.forMs === 0) return { state: before, alarm: null };
  const gathered = before?.gathered ?? NOTHING;
  const all = {
    candidate: plus(gathered.candidate, seen.candidate),
    stable: plus(gathered.stable, seen.stable),
  };
  const state = {
    gathered: all,
    breaches: before?.breaches ?? 0,
  };
  const breach = isGrossFailure(all, metric === 'errorRate' ? over : SLOWER_SHARE);
  if (breach === null) return { state, alarm: null };
  const breaches = breach ? state.breaches + 1 : 0;
  const next = { ...state, gathered: NOTHING, breaches };
  if (breaches < CONSECUTIVE_INTERVALS) return { state: next, alarm: null };
  const reason = describeGrossFailure(trigger, all, breaches);
  return { state: next, alarm: { trigger: name, onAlarm: 'rollback', reason } };
}
