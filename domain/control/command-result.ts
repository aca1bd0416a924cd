import type { ControlState, Intervention, Refusal } from './state.ts';

/** What became of a command. `state` is what is to be kept, also of a refused one: a lease may have run out meanwhile. */
export type Applied =
  | { readonly kind: 'done'; readonly state: ControlState }
  | { readonly kind: 'refused'; readonly state: ControlState; readonly refusal: Refusal };

export function done(state: ControlState): Applied {
  return { kind: 'done', state };
}

export function refused(state: ControlState, refusal: Refusal): Applied {
  return { kind: 'refused', state, refusal };
}

/** The refusal of whoever does not hold the newest epoch. */
export function stale({ epoch, owner }: ControlState): Refusal {
  return { kind: 'staleEpoch', reason: `epoch ${epoch} is held by ${owner}`, epoch, owner };
}

/** `next`, with a change on record that the epoch's holder did not make: it has to know of it before the next raise. */
export function intervene(
  next: ControlState,
  before: ControlState,
  intervention: Omit<Intervention, 'percentBefore'>,
): ControlState {
  return {
    ...next,
    interventions: before.interventions + 1,
    lastIntervention: { ...intervention, percentBefore: before.percent },
    changedAtMs: intervention.atMs,
    changedBy: intervention.by,
  };
}

/** What a change depends on and the state does not know. */
export interface World {
  readonly killSwitch: boolean;
  /** Releases whose lanes answer now: users can go there at once. */
  readonly warm: readonly string[];
}
