import type { ExperimentDesign } from './analysis.ts';
import { unitsNeeded } from './analysis.ts';
import type { ExperimentInput } from './input.ts';
import { STANDS_STILL, windowClock } from '../metrics/source-clock.ts';
import type { ArmsReading } from './arm-totals.ts';

export type Designed =
  | {
      readonly kind: 'design';
      readonly design: ExperimentDesign;
      /** Until the planned units are there at the traffic that was seen. */
      readonly expectedMs: number;
      readonly lookEveryMs: number;
      readonly says: string;
    }
  | { readonly kind: 'refused'; readonly reason: string };

const HOUR_MS = 3_600_000;
/** Looks on the way to the planned end. */
const LOOKS = 50;
const LEAST_LOOK_MS = 5_000;
/** Where users stay away and it lasts far longer than planned, looks grow rarer: a week of them has to fit into a history. */
const RARER = 20;

/**
 * How many units an experiment needs, and how long they take at the traffic between two readings; a refusal where they
 * cannot be had within its hours. A metric of ranks may vary by a quarter at the most; of click-through the share that
 * was seen says how much.
 */
export function designFor(input: ExperimentInput, from: ArmsReading, to: ArmsReading): Designed {
  const refused = (reason: string) => ({ kind: 'refused', reason }) as const;
  if (from.kind === 'missing') return refused(`the traffic is not known: ${from.reason}`);
  if (to.kind === 'missing') return refused(`the traffic is not known: ${to.reason}`);
  if (from.processStartMs !== to.processStartMs)
    return refused('the gateway was restarted while its traffic was looked at; start again');
  const tookMs = to.takenAtMs - from.takenAtMs;
  if (windowClock(from, to, tookMs) !== 'even') return refused(`the traffic is not known: ${STANDS_STILL}`);
  const [requests, feedback] = [to.requests - from.requests, to.feedback - from.feedback];
  const byRequests = input.metric === 'clickThrough';
  const seen = byRequests ? requests : feedback;
  if (seen <= 0 || feedback <= 0 || tookMs <= 0)
    return refused(
      `in ${minutes(tookMs)} came ${requests} queries and ${feedback} feedback: ${input.metric} cannot be measured`,
    );
  const share = Math.min(1, feedback / Math.max(1, requests));
  const spread = byRequests ? Math.max(share * (1 - share), 1 / requests) : 1 / 4;
  const detect = input.detectPoints / 100;
  const units = unitsNeeded(detect, input.offPercent, spread);
  const expectedMs = (units / seen) * tookMs;
  const says = `${units} ${byRequests ? 'requests' : 'requests with feedback'} are needed to find a lift of ${input.detectPoints} points in ${input.metric} with ${input.offPercent} % without reranker: ${hours(expectedMs)} at ${((seen / tookMs) * HOUR_MS).toFixed(0)} an hour`;
  if (expectedMs > input.maxHours * HOUR_MS) return refused(`${says}, and there are ${input.maxHours} h`);
  return {
    kind: 'design',
    design: { metric: input.metric, detect, offPercent: input.offPercent, units },
    expectedMs,
    lookEveryMs: Math.max(LEAST_LOOK_MS, expectedMs / LOOKS),
    says,
  };
}

/** How long to wait for the next look, so long after the beginning. */
export function untilNextLookMs(lookEveryMs: number, elapsedMs: number): number {
  return Math.max(lookEveryMs, elapsedMs / RARER);
}

function hours(ms: number): string {
  return `${(ms / HOUR_MS).toFixed(1)} h`;
}

function minutes(ms: number): string {
  return `${(ms / 60_000).toFixed(0)} min`;
}
