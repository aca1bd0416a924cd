import type { AnyLane, ControlState, ControlView, Flags } from '../../../domain/control/state.ts';
import { LANE_HEADERS } from '../../../domain/control/http.ts';
import { assignLane } from '../../../domain/control/traffic-split.ts';
import type { LaneName } from '../../../domain/control/traffic-split.ts';
import { countRequest, holdsText, kindOf } from '../observers/request-metrics.ts';
import type { LaneAnswer, LaneFault, LaneRequest } from './lane-client.ts';
import { askLane } from './lane-client.ts';
import type { GatewayClock } from '../control/clock.ts';
import type { ControlPlane } from '../control/control-plane.ts';
import type { Client } from './http-exchange.ts';
import type { ExperimentArms } from '../observers/experiment.ts';
import { flagsOf, labelled } from '../observers/experiment.ts';
import type { FeedbackSamples } from '../observers/feedback.ts';
import { isSampled, takeOrders } from '../observers/feedback.ts';
import { laneKnows } from './known-chunk.ts';
import type { Lanes } from '../lanes/lanes.ts';
import type { DistinctKeys, Metrics } from '../metrics.ts';
import { shownView } from '../control/shown-times.ts';

export interface GatewayDeps {
  readonly control: ControlPlane;
  readonly lanes: Lanes;
  readonly metrics: Metrics;
  readonly keys: DistinctKeys;
  readonly feedback: FeedbackSamples;
  readonly experiment: ExperimentArms;
  readonly clock: GatewayClock;
  /**
   * Time a lane has for vectors, and for texts, which are encoded first; later it counts as timed out. `stableTimeoutMs` is
   * how long stable is waited for: nobody could answer in its place.
   */
  readonly deadlines: {
    readonly vectorMs: number;
    readonly textMs: number;
    readonly stableTimeoutMs: number;
  };
}

export interface UserRequest {
  readonly body: Buffer;
  readonly contentType: string;
  /** Of the address, from its question mark on; often empty. */
  readonly parameters: string;
  readonly requestId: string;
  readonly requestKey: string;
  /** A prober's request: answered like any other, and kept out of everything that gates judge. */
  readonly synthetic: boolean;
  readonly client: Client;
}

/** An answer of a lane, or the fault of the last lane that was asked. */
export type GatewayResponse = (LaneAnswer & { readonly lane: AnyLane }) | LaneFault;

/** Splits users over the lanes, falls back to stable, and counts by who was meant and who answered. */
export class Gateway {
  private readonly deps: GatewayDeps;

  constructor(deps: GatewayDeps) {
    this.deps = deps;
  }

  /** Asks the user's lane; a candidate that does not answer is answered for by stable. */
  async search(request: UserRequest): Promise<GatewayResponse> {
    const { control, experiment, lanes } = this.deps;
    const { state } = control;
    const assigned = assignedLane(state, request.requestKey);
    if (!request.synthetic) this.deps.keys.see(assigned, request.requestKey);
    const beganMs = performance.now();
    const deadlineMs = this.deadlineMs(request);
    const { stableTimeoutMs } = this.deps.deadlines;
    const inArm = request.synthetic ? null : experiment.armOf(state, assigned, request.requestKey);
    const sample = !request.synthetic && isSampled(request.requestId);
    const asked = { sample, flags: flagsOf(inArm, lanes.flags(state, 'stable')) };
    const first = await this.ask(
      assigned,
      request,
      assigned === 'stable' ? stableTimeoutMs : deadlineMs,
      asked,
    );
    const tookMs = performance.now() - beganMs;
    const second =
      assigned === 'candidate' && asksStable(first)
        ? await this.ask('stable', request, stableTimeoutMs, asked)
        : null;
    // A refusal is an answer, and better than none.
    const fallsBack = second !== null && (second.kind === 'answer' || first.kind === 'fault');
    const last = fallsBack ? second : first;
    const heard = refuted(first, last) ?? judged(first, tookMs, deadlineMs);
    const kind = (last.kind === 'answer' ? last.headers[LANE_HEADERS.kind] : undefined) ?? kindOf(request);
    const outcome = { state, request, kind, assigned, fallsBack, heard, last, tookMs, deadlineMs };
    countRequest(this.deps.metrics, outcome);
    if (inArm !== null) experiment.observe(inArm, request.requestId, request.requestKey, kind, last);
    if (last.kind === 'fault') return last;
    const answer = labelled({ ...last, lane: fallsBack ? 'stable' : assigned } as const, inArm);
    return asked.sample ? this.keepOrders(request.requestId, answer) : answer;
  }

  /** Another route of the stable lane; counted nowhere. */
  async askStable(path: string, request: UserRequest): Promise<GatewayResponse> {
    const answer = await this.ask('stable', request, this.deps.deadlines.stableTimeoutMs, { path });
    return answer.kind === 'answer' ? { ...answer, lane: 'stable' } : answer;
  }

  /**
   * Asks exactly this lane, without fallback and without being counted: evaluations, probes and sweeps, whose requests are
   * synthetic. `flags` are of this request alone; the lane's own where they are null.
   */
  async searchLane(
    lane: AnyLane,
    request: UserRequest,
    flags: Flags | null = null,
  ): Promise<GatewayResponse> {
    const answer = await this.ask(lane, request, this.deps.deadlines.stableTimeoutMs, { flags });
    return answer.kind === 'answer' ? { ...answer, lane } : answer;
  }

  /** Whether stable has a chunk of that id after so many bytes of the log; null where it does not say so. */
  async knowsChunk(id: string, logBytes: number): Promise<boolean | null> {
    return laneKnows(this.deps.lanes.get('stable')?.pool ?? null, id, logBytes);
  }

  /** Its times are the wall clock's, for people. */
  view(): ControlView {
    const { control, lanes, clock } = this.deps;
    const { state, killSwitch } = control;
    const view = { state, lanes: lanes.statuses(state), nowMs: clock.now(), killSwitch };
    return shownView(view, clock.aheadMs());
  }

  /** Keeps what a sampled answer says of its orders; the user gets the rest. */
  private keepOrders(requestId: string, answer: LaneAnswer & { readonly lane: LaneName }): GatewayResponse {
    const taken = answer.status < 400 ? takeOrders(answer.body) : null;
    if (taken === null) return answer;
    const release = answer.headers[LANE_HEADERS.release] ?? '';
    this.deps.feedback.remember({ requestId, lane: answer.lane, release, orders: taken.orders });
    return { ...answer, body: taken.body };
  }

  private ask(
    lane: AnyLane,
    request: UserRequest,
    deadlineMs: number,
    { path = '/search', sample = false, flags = null }: AskOptions = {},
  ): Promise<LaneAnswer | LaneFault> {
    const { control, lanes } = this.deps;
    const asked: LaneRequest = {
      path,
      body: request.body,
      contentType: request.contentType,
      parameters: request.parameters,
      requestId: request.requestId,
      flags: flags ?? lanes.flags(control.state, lane),
      lane,
      deadlineMs,
      sample,
      synthetic: request.synthetic,
      client: request.client,
    };
    return askLane(lanes.get(lane), asked);
  }

  private deadlineMs(request: UserRequest): number {
    const { vectorMs, textMs } = this.deps.deadlines;
    return holdsText(request) ? textMs : vectorMs;
  }
}

interface AskOptions {
  readonly path?: string;
  readonly sample?: boolean;
  readonly flags?: Flags | null;
}

/** Both lanes are judged by one deadline: an answer of stable that a user was glad to wait for counts as timed out too. */
function judged(first: LaneAnswer | LaneFault, tookMs: number, deadlineMs: number): LaneAnswer | LaneFault {
  return first.kind === 'answer' && first.status < 400 && tookMs > deadlineMs
    ? { kind: 'fault', why: 'timeout', reason: `answered after ${tookMs.toFixed(0)} ms` }
    : first;
}

/** A candidate that refuses a query is not taken at its word: it may be the only one that cannot read it. */
function asksStable(first: LaneAnswer | LaneFault): boolean {
  return first.kind === 'fault' ? first.why !== 'aborted' : first.status >= 400;
}

/** The candidate refused what stable answers: its own failure, and not the client's. Null for all other answers. */
function refuted(first: LaneAnswer | LaneFault, last: LaneAnswer | LaneFault): LaneFault | null {
  const isRefused = first.kind === 'answer' && first.status >= 400;
  if (!isRefused || last.kind !== 'answer' || last.status >= 400) return null;
  return { kind: 'fault', why: 'failed', reason: `refused with ${first.status} what stable answers` };
}

function assignedLane({ percent, splitVersion, lanes }: ControlState, requestKey: string): LaneName {
  return percent > 0 && lanes.candidate !== null
    ? assignLane(splitVersion, lanes.candidate.release, requestKey, percent)
    : 'stable';
}
