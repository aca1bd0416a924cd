import { continueAsNew } from '@temporalio/workflow';
import type { WatchInput, WatchResult } from '../domain/contract.ts';
import { activities } from './activities.ts';
import { decoded } from './payload-converter.ts';

/** One watch activity lasts at most this long; it ends earlier with an event. */
const STRETCH_MS = 10 * 60_000;
/** Then a new history begins. */
const STRETCHES_PER_RUN = 100;

export type GuardInput = Omit<WatchInput, 'stretchMs'>;

/**
 * The watch for emergencies beside a rollout, as its child with a history of its own. Returns at the first event;
 * what follows from it is the rollout's to decide.
 */
export async function rolloutGuard(input: GuardInput): Promise<WatchResult> {
  const { watch } = activities();
  let { state } = decoded(input);
  for (let stretch = 0; stretch < STRETCHES_PER_RUN; stretch++) {
    const result = await watch({ ...input, state, stretchMs: STRETCH_MS });
    if (result.event !== null) return result;
    state = result.state;
  }
  return continueAsNew<typeof rolloutGuard>({ ...input, state });
}
