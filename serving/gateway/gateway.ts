import type { AnyLane, ControlState, ControlView } from '../../domain/control.ts';
import { LANE_HEADERS } from '../../domain/http.ts';
import { assignLane } from '../../domain/split.ts';
import type { LaneName } from '../../domain/split.ts';
import { countAnswer, countFault, holdsText, kindOf } from './accounting.ts';
import type { LaneAnswer, LaneFault, LaneRequest } from './ask-lane.ts';
import { askLane } from './ask-lane.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Lanes } from './lanes.ts';
import type { DistinctKeys, Metrics } from './metrics.ts';

export interface GatewayDeps {
  readonly control: ControlPlane;
  readonly lanes: Lanes;
  readonly metrics: Metrics;
  readonly keys: DistinctKeys;
  readonly now: () => number;
  /** Time a lane has for vectors, and for texts, which are encoded first. */
  readonly deadlines: { readonly vectorMs: number; readonly textMs: number };
}

export interface UserRequest {
  readonly body: Buffer;
  readonly contentType: string;
  readonly requestId: string;
  readonly requestKey: string;
  /** A prober's request: answered like any other, and kept out of everything that gates judge. */
  readonly synthetic: boolean;
  readonly signal: AbortSignal;
}

/** An answer of a lane, or the fault of the last lane that was asked. */
export type Served = (LaneAnswer & { readonly lane: AnyLane }) | LaneFault;

/** Splits users over the lanes, falls back to stable, and counts by who was meant and who answered. */
export class Gateway {
  private readonly deps: GatewayDeps;

  constructor(deps: GatewayDeps) {
    this.deps = deps;
  }

  /** Asks the user's lane; a candidate that does not answer is answered for by stable. */
  async search(request: UserRequest): Promise<Served> {
    const { state } = this.deps.control;
    const assigned = assignedLane(state, request.requestKey);
    if (!request.synthetic) this.deps.keys.see(assigned, request.requestKey);
    const beganMs = performance.now();
    const first = await this.ask(assigned, request);
    const tookMs = performance.now() - beganMs;
    const fallsBack = assigned === 'candidate' && first.kind === 'fault' && first.why !== 'aborted';
    const last = fallsBack ? await this.ask('stable', request) : first;
    this.count(state, assigned, request, first, last, tookMs);
    return last.kind === 'answer' ? { ...last, lane: fallsBack ? 'stable' : assigned } : last;
  }

  /** Asks exactly this lane, without fallback and without being counted: evaluations and probes. */
  async searchLane(lane: AnyLane, request: UserRequest): Promise<Served> {
    const answer = await this.ask(lane, request);
    return answer.kind === 'answer' ? { ...answer, lane } : answer;
  }

  view(): ControlView {
    const { control, lanes, now } = this.deps;
    const { state, killSwitch } = control;
    return { state, lanes: lanes.statuses(state), nowMs: now(), killSwitch };
  }

  /** Brings the gauges up to date, for a scrape. */
  refreshGauges(): void {
    const { metrics, control, lanes, keys, now } = this.deps;
    const { state } = control;
    for (const gauge of [metrics.laneReady, metrics.laneNotReady, metrics.breakerOpen, metrics.distinctKeys])
      gauge.reset();
    for (const lane of ['stable', 'candidate'] as const) {
      const status = lanes.statuses(state)[lane];
      metrics.distinctKeys.set({ lane }, keys.count(lane));
      if (status === null) continue;
      metrics.laneReady.set({ lane, release: status.release }, status.state === 'ready' ? 1 : 0);
      metrics.laneNotReady.set(
        { lane },
        status.notReadySinceMs === null ? 0 : (now() - status.notReadySinceMs) / 1000,
      );
      metrics.breakerOpen.set({ lane }, status.breaker === 'open' ? 1 : 0);
    }
    metrics.percent.set(state.percent);
    metrics.epoch.set(state.epoch);
  }

  private ask(lane: AnyLane, request: UserRequest): Promise<LaneAnswer | LaneFault> {
    const { control, lanes } = this.deps;
    const asked: LaneRequest = {
      body: request.body,
      contentType: request.contentType,
      requestId: request.requestId,
      flags: lanes.flags(control.state, lane),
      lane,
      deadlineMs: this.deadlineMs(request.body),
      signal: request.signal,
    };
    return askLane(lanes.get(lane), asked);
  }

  private deadlineMs(body: Buffer): number {
    const { vectorMs, textMs } = this.deps.deadlines;
    return holdsText(body) ? textMs : vectorMs;
  }

  private count(
    state: ControlState,
    assigned: LaneName,
    request: UserRequest,
    first: LaneAnswer | LaneFault,
    last: LaneAnswer | LaneFault,
    tookMs: number,
  ): void {
    const { metrics } = this.deps;
    const kind =
      (last.kind === 'answer' ? last.headers[LANE_HEADERS.kind] : undefined) ?? kindOf(request.body);
    const labels = (lane: LaneName) => ({ lane, release: state.lanes[lane]?.release ?? '', kind });
    if (request.synthetic) {
      metrics.requests.inc({ ...labels(assigned), outcome: 'synthetic' });
      return;
    }
    if (first.kind === 'answer') countAnswer(metrics, labels(assigned), first, tookMs);
    else countFault(metrics, labels(assigned), first, this.deadlineMs(request.body));
    if (last.kind === 'answer') {
      if (last.status < 400)
        metrics.served.inc({
          ...labels(first === last ? assigned : 'stable'),
          reason: first === last ? 'assigned' : 'fallback',
        });
    } else if (last.why !== 'aborted') metrics.userErrors.inc({ kind });
  }
}

function assignedLane({ percent, lanes }: ControlState, requestKey: string): LaneName {
  return percent > 0 && lanes.candidate !== null
    ? assignLane(lanes.candidate.release, requestKey, percent)
    : 'stable';
}
