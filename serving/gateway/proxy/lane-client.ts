import type { AnyLane, Flags } from '../../../domain/control/state.ts';
import { LANE_HEADERS, formatFlags } from '../../../domain/control/http.ts';
import type { Answered, Client, Exchange } from './http-exchange.ts';
import { ExchangeAborted, exchange } from './http-exchange.ts';
import type { LaneProcess } from '../lanes/lane-process.ts';
import { errorMessage } from '../../../domain/core/error-message.ts';

/** A lane's answer, its body untouched. */
export interface LaneAnswer {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface LaneFault {
  readonly kind: 'fault';
  /** `timeout` counts at its deadline. */
  readonly why: 'warming' | 'notReady' | 'breaker' | 'busy' | 'timeout' | 'aborted' | 'failed';
  readonly reason: string;
}

export interface LaneRequest {
  /** Of the lane's route; `/search` and its like. */
  readonly path: string;
  readonly body: Buffer;
  readonly contentType: string;
  readonly parameters: string;
  readonly requestId: string;
  readonly flags: Flags | null;
  readonly lane: AnyLane;
  readonly deadlineMs: number;
  /** Whether the answer's body is to hold the candidates' orders as well. */
  readonly sample?: boolean;
  /** Whether no user asks: the lane leaves it out of what it counts. */
  readonly synthetic?: boolean;
  readonly client: Client;
}

const PASSED_BACK = [
  'content-type',
  LANE_HEADERS.kind,
  LANE_HEADERS.release,
  LANE_HEADERS.timing,
  LANE_HEADERS.quality,
  LANE_HEADERS.rank1Changed,
];

/** Asks one lane. Never throws: what is no answer below 500 is a fault with its reason, and the breaker hears of both. */
export async function askLane(
  lane: LaneProcess | undefined,
  request: LaneRequest,
): Promise<LaneAnswer | LaneFault> {
  if (lane === undefined)
    return { kind: 'fault', why: 'notReady', reason: `there is no ${request.lane} lane` };
  const { pool } = lane;
  if (pool === null)
    return {
      kind: 'fault',
      why: lane.warming ? 'warming' : 'notReady',
      reason: `${lane.release} is not ready`,
    };
  // Stable has nobody to fall back to: a request that may still be answered is better than a certain error.
  if (request.lane !== 'stable' && !lane.breaker.admits())
    return { kind: 'fault', why: 'breaker', reason: `the breaker of ${lane.release} is open` };
  try {
    const answer = await exchange(pool, exchangeOf(request));
    if (answer.status === 503) {
      // It works, and has too much to do.
      lane.breaker.undecided();
      return { kind: 'fault', why: 'busy', reason: `${lane.release} has too many texts to encode` };
    }
    if (answer.status >= 500) {
      lane.breaker.failed();
      return { kind: 'fault', why: 'failed', reason: `${lane.release} answered ${answer.status}` };
    }
    lane.breaker.succeeded();
    return { kind: 'answer', status: answer.status, headers: passedBack(answer.headers), body: answer.body };
  } catch (error) {
    if (error instanceof ExchangeAborted && error.why === 'aborted') {
      lane.breaker.undecided();
      return { kind: 'fault', why: 'aborted', reason: error.message };
    }
    lane.breaker.failed();
    if (error instanceof ExchangeAborted)
      return { kind: 'fault', why: 'timeout', reason: `${lane.release} took over ${request.deadlineMs} ms` };
    return { kind: 'fault', why: 'failed', reason: errorMessage(error) };
  }
}

/** A lane's request as it goes over the wire. */
export function exchangeOf(request: LaneRequest): Exchange {
  return {
    path: request.path + request.parameters,
    headers: laneHeaders(request),
    body: request.body,
    deadlineMs: request.deadlineMs,
    client: request.client,
  };
}

function laneHeaders({
  contentType,
  requestId,
  flags,
  lane,
  sample,
  synthetic,
  deadlineMs,
}: LaneRequest): Record<string, string> {
  return {
    'content-type': contentType,
    [LANE_HEADERS.requestId]: requestId,
    [LANE_HEADERS.lane]: lane,
    [LANE_HEADERS.timeout]: String(deadlineMs),
    ...(sample === true ? { [LANE_HEADERS.sample]: 'yes' } : {}),
    ...(synthetic === true ? { [LANE_HEADERS.synthetic]: 'yes' } : {}),
    ...(flags === null ? {} : { [LANE_HEADERS.flags]: formatFlags(flags) }),
  };
}

function passedBack(headers: Answered['headers']): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of PASSED_BACK) {
    const value = headers[name];
    if (typeof value === 'string') passed[name] = value;
  }
  return passed;
}
