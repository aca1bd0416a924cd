import { unitsNeeded } from './analysis.ts';
import type { ExperimentInput } from './input.ts';
import type { ExperimentReason, SampleSize } from './reason.ts';
import { STANDS_STILL, windowClock } from '../metrics/source-clock.ts';
import type { ArmsReading } from './arm-totals.ts';

export type Designed =
  | { readonly kind: 'design'; readonly sample: SampleSize; readonly lookEveryMs: number }
  | { readonly kind: 'refused'; readonly reason: ExperimentReason };

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
  const refused = (reason: ExperimentReason) => ({ kind: 'refused', reason }) as const;
  if (from.kind === 'missing') return refused({ code: 'trafficUnknown', detail: from.reason });
  if (to.kind === 'missing') return refused({ code: 'trafficUnknown', detail: to.reason });
  if (from.processStartMs !== to.processStartMs) return refused({ code: 'gatewayRestarted' });
  const tookMs = to.takenAtMs - from.takenAtMs;
  if (windowClock(from, to, tookMs) !== 'even')
    return refused({ code: 'trafficUnknown', detail: STANDS_STILL });
  const [requests, feedback] = [to.requests - from.requests, to.feedback - from.feedback];
  const { metric, maxHours } = input;
  const seen = metric === 'clickThrough' ? requests : feedback;
  if (seen <= 0 || feedback <= 0 || tookMs <= 0)
    return refused({ code: 'noFeedback', metric, tookMs, requests, feedback });
  const sample = sampleSize(input, requests, feedback, tookMs);
  const { expectedMs } = sample;
  if (expectedMs > maxHours * HOUR_MS) return refused({ code: 'sampleTooLarge', sample, maxHours });
  return { kind: 'design', sample, lookEveryMs: Math.max(LEAST_LOOK_MS, expectedMs / LOOKS) };
}

function sampleSize(input: ExperimentInput, requests: number, feedback: number, tookMs: number): SampleSize {
  const { metric, offPercent, detectPoints } = input;
  const byRequests = metric === 'clickThrough';
  const share = Math.min(1, feedback / Math.max(1, requests));
  const spread = byRequests ? Math.max(share * (1 - share), 1 / requests) : 1 / 4;
  const detect = detectPoints / 100;
  const units = unitsNeeded(detect, offPercent, spread);
  const perMs = (byRequests ? requests : feedback) / tookMs;
  return {
    design: { metric, detect, offPercent, units },
    expectedMs: units / perMs,
    unitsPerHour: perMs * HOUR_MS,
  };
}

/** How long to wait for the next look, so long after the beginning. */
export function untilNextLookMs(lookEveryMs: number, elapsedMs: number): number {
  return Math.max(lookEveryMs, elapsedMs / RARER);
}
