import type { Arms } from './analysis.ts';
import { addArms, noArms } from './analysis.ts';
import type { SeenClocks } from '../metrics/source-clock.ts';
import { seeClock } from '../metrics/source-clock.ts';

/** What both arms counted since an experiment began, over restarts of the gateway, which reset its counters. */
export interface ArmsTally {
  /** Of the gateways before the one that was read last. */
  readonly before: Arms;
  readonly last: { readonly arms: Arms; readonly processStartMs: number } | null;
  readonly restarts: number;
  readonly clocks: SeenClocks | null;
}

/** Nothing counted yet. */
export function newTally(): ArmsTally {
  return { before: noArms(), last: null, restarts: 0, clocks: null };
}

/** The tally with one more reading of the gateway's counters; an old body changes nothing. */
export function addReading(
  { before, last, restarts, clocks: earlier }: ArmsTally,
  { arms, processStartMs, uptimeMs }: Extract<ArmsReading, { kind: 'arms' }>,
): ArmsTally {
  const { seen: clocks, moved } = seeClock(earlier, { processStartMs, uptimeMs });
  if (!moved) return { before, last, restarts, clocks };
  const read = { arms, processStartMs };
  return last === null || last.processStartMs === processStartMs
    ? { before, last: read, restarts, clocks }
    : { before: addArms(before, last.arms), last: read, restarts: restarts + 1, clocks };
}

/** All that was counted. */
export function armsOf({ before, last }: ArmsTally): Arms {
  return last === null ? before : addArms(before, last.arms);
}

export type ArmsReading =
  | {
      readonly kind: 'arms';
      /** The service whose gateway was read. */
      readonly service: string;
      readonly takenAtMs: number;
      /** Another one: the gateway was restarted, which reset its counters. */
      readonly processStartMs: number;
      /** How long it had run, by its own clock: an old body does not move. */
      readonly uptimeMs: number;
      readonly epoch: number;
      /** The experiment that runs; null without one. */
      readonly experiment: string | null;
      readonly arms: Arms;
      /** Of stable: queries with a context, and feedback of any kind, since the gateway began. */
      readonly requests: number;
      readonly feedback: number;
    }
  | { readonly kind: 'missing'; readonly reason: string };
