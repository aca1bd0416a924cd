import type { Estimate } from './estimate.ts';
import { absent, inapplicable } from './estimate.ts';
import type { Lanes, Question } from './evidence.ts';
import type { LaneSelfMetrics } from './lane-self-metrics.ts';
import { HARDLY_ANY } from './query-kinds.ts';
import type { LaneWindow, Window } from './window.ts';

type Estimates = Estimate | readonly Estimate[];

/** An estimate from the counters of the lanes; absent where a lane that it needs has none for the whole window. */
export function ofLanes(
  estimate: (lanes: Lanes, question: Question) => Estimates,
  missesQueries: (question: Question) => boolean = () => false,
): (question: Question) => Estimates {
  return (question) => {
    const { window, reference } = question.evidence;
    const { candidate } = window;
    if (candidate === null) return absent('the candidate lane has no counters for the whole window');
    if (missesQueries(question)) return inapplicable('queries with a context are hardly any in this window');
    const live = window.percent < 100 ? window.stable : null;
    // At 100 % stable has no users, and its last window with users stands in.
    const stable = window.percent < 100 ? live : reference;
    if (question.compareTo === 'stable' && stable === null)
      return absent('stable has no window to compare with');
    return estimate({ candidate, stable, live }, question);
  };
}

/**
 * The same for what is measured of queries with a context alone: they alone use a predictor, are reranked, and are shadowed. It does
 * not apply where they hardly come: a service of texts is not held for what its queries do not have.
 */
export function ofContextQueries(
  estimate: (lanes: Lanes, question: Question) => Estimates,
): (question: Question) => Estimates {
  return ofLanes(estimate, ({ evidence: { window }, minSamples }) => lacksContext(window, minSamples));
}

function lacksContext(window: Window, minSamples: number): boolean {
  const lanes = [window.candidate, window.percent < 100 ? window.stable : null];
  const sum = (of: (lane: LaneWindow) => number) =>
    lanes.reduce((n, lane) => n + (lane === null ? 0 : of(lane)), 0);
  const context = (lane: LaneWindow | null) => lane?.kinds['context']?.errors.n ?? 0;
  const all = sum(({ errors }) => errors.n);
  return all > 0 && context(window.candidate) < minSamples && sum(context) < HARDLY_ANY * all;
}

/** The same for what the candidate's lane measures of itself; absent where the lane was down, or restarted in the window. */
export function ofLaneItself(
  estimate: (
    own: { readonly before: LaneSelfMetrics; readonly after: LaneSelfMetrics },
    question: Question,
    lanes: Lanes,
  ) => Estimate,
): (question: Question) => Estimates {
  return ofLanes((lanes, question) => {
    const { own } = lanes.candidate;
    return own.kind === 'missing' ? absent(own.reason) : estimate(own, question, lanes);
  });
}
