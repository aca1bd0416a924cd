import type { ControlState } from '../../../domain/control/state.ts';
import type { LaneName } from '../../../domain/control/traffic-split.ts';
import type { LaneAnswer, LaneFault } from './lane-client.ts';

/** How a user's request went: what the observers of searches look at. */
export interface RequestOutcome {
  /** As it was when the user's lane was chosen. */
  readonly state: ControlState;
  readonly request: {
    readonly body: Buffer;
    readonly contentType: string;
    readonly synthetic: boolean;
  };
  /** As the lane says, else by the request's own form. */
  readonly kind: string;
  readonly assigned: LaneName;
  /** Stable answered in the candidate's place. */
  readonly fallsBack: boolean;
  /** What gates hear of the assigned lane. */
  readonly heard: LaneAnswer | LaneFault;
  /** What the user gets. */
  readonly last: LaneAnswer | LaneFault;
  /** Of the assigned lane alone. */
  readonly tookMs: number;
  readonly deadlineMs: number;
}
