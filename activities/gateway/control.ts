import { readFile } from 'node:fs/promises';
import { ApplicationFailure } from '@temporalio/activity';
import { request } from 'undici';
import type {
  AnyLane,
  ControlView,
  Flags,
  Refusal,
  RenewLease,
  TakeEpoch,
} from '../../domain/control/state.ts';
import type { ControlChange, Rollback, RolledBack } from '../../domain/control/change.ts';
import { readTokenFile } from '../../domain/core/settings.ts';
import type { Problem, SearchRequest, SearchResponse } from '../../domain/control/http.ts';
import { LANE_HEADERS, formatFlags } from '../../domain/control/http.ts';
import type { ChangeResult } from '../../domain/control/change-result.ts';

/** Where the control listener is, and its bearer token: given, or a file that the gateway writes at its first boot. */
export interface ControlOptions {
  readonly url: string;
  readonly token: { readonly value: string } | { readonly file: string };
  /** For each request, in place of the deadlines below. */
  readonly timeoutMs?: number;
}

type LeaseRenewal =
  | { readonly kind: 'renewed'; readonly expiresAtMs: number | null }
  | { readonly kind: 'refused'; readonly reason: string };

/** The gateway's control listener. A refusal by the fence (409) is an answer; see `failure` for what throws. */
export interface ControlClient {
  view(signal?: AbortSignal): Promise<ControlView>;
  takeEpoch(take: TakeEpoch): Promise<{ epoch: number; view: ControlView }>;
  change(change: ControlChange): Promise<ChangeResult>;
  rollBack(rollback: Rollback): Promise<RolledBack>;
  renewLease(renewal: RenewLease, signal?: AbortSignal): Promise<LeaseRenewal>;
  /** Asks exactly that lane, with its effective flags and no fallback. */
  search(lane: AnyLane, body: SearchRequest, signal?: AbortSignal): Promise<SearchResponse>;
  /** The same with five context vectors as they are (float32, one after the other), under other flags than the lane's. */
  searchWith(
    lane: AnyLane,
    context: Float32Array,
    asked: { readonly flags: Flags; readonly k: number },
  ): Promise<SearchResponse>;
}

/**
 * The gateway gives its disk 3 s. Below the 4 s after which Temporal takes an activity that changes traffic for lost
 * (workflows/runtime/activities.ts), so that its own error is what a person reads.
 */
const STATE_MS = 3_500;
/** A search of a lane that is busy or has just started. */
const SEARCH_MS = 5_000;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A client of the control listener; each call is one HTTP request with a deadline. */
export function createControlClient(options: ControlOptions): ControlClient {
  async function send(method: 'GET' | 'PUT' | 'POST', path: string, sent: Sent, signal?: AbortSignal) {
    const isSearch = path.startsWith('/control/search/');
    const deadline = AbortSignal.timeout(options.timeoutMs ?? (isSearch ? SEARCH_MS : STATE_MS));
    const answer = await request(`${options.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${await controlToken(options.token)}`, ...sent.headers },
      body: sent.body,
      signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  }
  const call = (method: 'GET' | 'PUT' | 'POST', path: string, body?: unknown, signal?: AbortSignal) =>
    send(method, path, body === undefined ? NOTHING : json(body), signal);

  return {
    view: async (signal) => accepted(await call('GET', '/control', undefined, signal), 'GET /control'),
    takeEpoch: async (take) => accepted(await call('POST', '/control/epoch', take), 'POST /control/epoch'),
    async change(change) {
      const answer = await call('PUT', '/control', change);
      if (answer.status !== 409) return { kind: 'done', view: accepted(answer, 'PUT /control') };
      const { refusal, view }: { refusal: Refusal; view: ControlView } = JSON.parse(answer.text);
      return { kind: 'refused', refusal, view };
    },
    rollBack: async (rollback) =>
      accepted(await call('POST', '/control/rollback', rollback), 'POST /control/rollback'),
    async renewLease(renewal, signal) {
      const answer = await call('POST', '/control/lease', renewal, signal);
      if (answer.status === 409) return { kind: 'refused', reason: detailOf(answer) };
      const { expiresAtMs }: { expiresAtMs: number | null } = accepted(answer, 'POST /control/lease');
      return { kind: 'renewed', expiresAtMs };
    },
    search: async (lane, body, signal) =>
      accepted(await call('POST', `/control/search/${lane}`, body, signal), `POST /control/search/${lane}`),
    async searchWith(lane, context, { flags, k }) {
      const path = `/control/search/${lane}?kind=context&k=${k}`;
      const headers = {
        'content-type': 'application/octet-stream',
        [LANE_HEADERS.flags]: formatFlags(flags),
      };
      const body = Buffer.from(context.buffer, context.byteOffset, context.byteLength);
      return accepted(await send('POST', path, { headers, body }), `POST ${path}`);
    },
  };
}

interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string | null;
}

const NOTHING: Sent = { headers: {}, body: null };

function json(body: unknown): Sent {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/** Read for each call: a gateway that lost its run folder writes a new token. */
export async function controlToken(source: ControlOptions['token']): Promise<string> {
  return 'value' in source ? source.value : readTokenFile(await readFile(source.file, 'utf8'), source.file);
}

/** The JSON of a 2xx answer, which the caller's type names; throws for any other. */
function accepted(answer: Answer, what: string) {
  if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.text);
  throw failure(answer, what);
}

/**
 * The one place where errors of the control listener are sorted. What the request itself got wrong (400, 404, 413,
 * 422) no retry can mend. All else may pass: a start, an overload, a compare-and-set that somebody else won, and
 * also 401, because a token can be put right while a rollback waits.
 */
function failure(answer: Answer, what: string): Error {
  const message = `${what} answered ${answer.status}: ${detailOf(answer)}`;
  const permanent = [400, 404, 413, 415, 422].includes(answer.status);
  return permanent ? ApplicationFailure.nonRetryable(message, 'ControlRefused') : new Error(message);
}

function detailOf(answer: Answer): string {
  try {
    const problem: Partial<Problem> = JSON.parse(answer.text);
    const field = problem.field === undefined ? '' : ` (field ${problem.field})`;
    return `${problem.detail ?? problem.title ?? answer.text}${field}`;
  } catch {
    return answer.text.slice(0, 200) || 'nothing said';
  }
}
