import type { ControlView, Flags } from './state.ts';
import type { LaneName } from './traffic-split.ts';

/** The fallback of the lane that users are on: the model before, and no reranker. */
export type FlagFlip =
  | {
      readonly kind: 'flip';
      readonly lane: LaneName;
      readonly release: string;
      readonly from: Flags;
      readonly to: Flags;
    }
  | { readonly kind: 'impossible'; readonly reason: string };

/** The candidate's lane while it has users, since it is the new one that is in doubt; else stable's. */
export function fallbackFlags({ state, lanes }: ControlView): FlagFlip {
  const lane: LaneName = state.percent > 0 && state.lanes.candidate !== null ? 'candidate' : 'stable';
  const status = lanes[lane];
  if (status === null)
    return { kind: 'impossible', reason: `the ${lane} lane does not run: its flags are not known` };
  const { release, flags: from } = status;
  return { kind: 'flip', lane, release, from, to: { ...from, impl: 'gru_v0', reranker: 'off' } };
}

export function sameFlags(a: Flags, b: Flags): boolean {
  return a.impl === b.impl && a.reranker === b.reranker && a.nprobe === b.nprobe;
}
