import type { Arms } from './experiment.ts';
import { addArms, noArms } from './experiment.ts';
import type { ArmsReading } from './experiment-contract.ts';

/** What both arms counted since an experiment began, over restarts of the gateway, whose counters begin anew then. */
export interface ArmsTally {
  /** Of the gateways before the one that was read last. */
  readonly before: Arms;
  readonly last: { readonly arms: Arms; readonly processStartMs: number } | null;
  readonly restarts: number;
}

/** Nothing counted yet. */
export function newTally(): ArmsTally {
  return { before: noArms(), last: null, restarts: 0 };
}

/** The tally with one more reading of the gateway's counters. */
export function tallied(
  { before, last, restarts }: ArmsTally,
  { arms, processStartMs }: Extract<ArmsReading, { kind: 'arms' }>,
): ArmsTally {
  const read = { arms, processStartMs };
  return last === null || last.processStartMs === processStartMs
    ? { before, last: read, restarts }
    : { before: addArms(before, last.arms), last: read, restarts: restarts + 1 };
}

/** All that was counted. */
export function armsOf({ before, last }: ArmsTally): Arms {
  return last === null ? before : addArms(before, last.arms);
}
