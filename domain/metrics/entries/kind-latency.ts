import type { Estimate } from '../estimate.ts';
import { absent, inapplicable } from '../estimate.ts';
import type { Question } from '../evidence.ts';
import type { Histogram } from '../histogram.ts';
import { EMPTY, plus, total } from '../histogram.ts';
import type { Strata } from '../like-with-like.ts';
import { alikeLatencies } from '../like-with-like.ts';
import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';
import { ofLanes } from '../of-lanes.ts';
import { p95Estimate } from '../p95.ts';
import { p95Model } from '../power-model.ts';
import type { KindMetric } from '../query-kinds.ts';
import { HARDLY_ANY, KINDS_OF, strataOf } from '../query-kinds.ts';
import type { KindWindow, LaneWindow } from '../window.ts';

/** P95 of encoding a text for which the model ran. */
export const encodeP95: MetricDefinition = kindLatency('encodeP95', ({ encode }) => total(encode));

/** P95 of the whole request as the gateway saw it. */
export const requestP95: MetricDefinition = kindLatency('requestP95', ({ errors }) => errors.n);

/** Lanes of which a kind is compared. */
interface Pair {
  readonly candidate: LaneWindow;
  readonly stable: LaneWindow;
  /** Whether stable's window is of the same minutes. */
  readonly isLive: boolean;
}

/** `came`: how many queries of a kind had what is measured; those that failed had not, and are among the errors. */
function kindLatency(metric: KindMetric, came: (kind: KindWindow) => number): MetricDefinition {
  return {
    ...PLAIN,
    unit: 'ms',
    margin: 'slow',
    needsControl: true,
    againstStableOnly: true,
    byKind: true,
    power: p95Model,
    estimate: ofLanes(({ candidate, stable, live }, question) => {
      if (stable === null) return absent('stable has no window to compare with');
      const pair = { candidate, stable, isLive: live !== null };
      return KINDS_OF[metric].map((kind) => ({ ...ofKind(metric, came, kind, pair, question), kind }));
    }),
  };
}

/** The estimate for one kind of queries; of one that hardly comes there is none. */
function ofKind(
  metric: KindMetric,
  cameOf: (kind: KindWindow) => number,
  kind: string,
  { candidate, stable, isLive }: Pair,
  question: Question,
): Estimate {
  const here = strataOf(metric, candidate.kinds[kind]);
  const both = alikeLatencies(here, strataOf(metric, stable.kinds[kind]));
  const counted = sizeOf(here);
  // Stable's window at 100 % is of another time: what came then says nothing of what comes now.
  const lanes = isLive ? [candidate, stable] : [candidate];
  const came = lanes.reduce((n, { kinds: { [kind]: of } }) => n + (of === undefined ? 0 : cameOf(of)), 0);
  const all = lanes.reduce((n, { errors }) => n + errors.n, 0);
  if (came === 0) return inapplicable('none in this window');
  if (counted < question.minSamples && came < HARDLY_ANY * all)
    return inapplicable(`${came} of ${all} queries, which are hardly any`);
  if (counted === 0) return absent(`${came} came in this window, and the candidate answered none of them`);
  if (total(both.stable) === 0) return absent('stable has none to compare with');
  return p95Estimate(question, { ...both, live: isLive ? both.stable : null });
}

function sizeOf(strata: Strata<Histogram>): number {
  return total(Object.values(strata).reduce(plus, EMPTY));
}
