import type { ControlState } from './state.ts';

/** What users would miss: while a candidate is there, what stable serves; after its promotion, what stable served before. */
export function releaseBefore({ lanes: { stable, candidate, previous } }: ControlState): string {
  return candidate === null && previous !== null ? previous.release : stable.release;
}
