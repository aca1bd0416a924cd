import { resolve } from 'node:path';
import type { ControlChange, Rollback, RolledBack } from '../domain/control/change.ts';
import type { ChangeResult } from '../domain/control/change-result.ts';
import type { Health, SearchRequest, SearchResponse } from '../domain/control/http.ts';
import { LANE_HEADERS, formatFlags } from '../domain/control/http.ts';
import type { AnyLane, ControlView, Flags, RenewLease, TakeEpoch } from '../domain/control/state.ts';
import { readSettings } from '../domain/core/settings.ts';
import { ROOT } from '../platform/node-command.ts';
import type { Probe } from '../retrieval/evaluation/probe-check.ts';
import { probeRequest } from '../retrieval/evaluation/probe-check.ts';
import { probeToken } from '../retrieval/evaluation/probe-token.ts';
import type { Exchange, Listener, TokenSource } from './gateway-exchange.ts';
import { GatewayRefusal, controlToken, exchange } from './gateway-exchange.ts';

/** Where the control listener is, and its bearer token. */
export interface ControlOptions {
  readonly url: string;
  readonly token: TokenSource;
  /** For each request, in place of the deadlines below. */
  readonly timeoutMs?: number;
  /** What is thrown in place of a refusal. */
  readonly failure?: (refusal: GatewayRefusal) => Error;
}

/** Where users ask, and of whose token the probes' is made. */
export interface UserAddress {
  readonly gateway: string;
  readonly token: TokenSource;
}

/** Both listeners of a gateway. */
export interface GatewayAddress extends UserAddress {
  readonly control: string;
}

type LeaseRenewal =
  | { readonly kind: 'renewed'; readonly expiresAtMs: number | null }
  | { readonly kind: 'refused'; readonly reason: string };

/** The gateway's control listener. A refusal by the fence (409) is an answer; all others are thrown. */
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

/** A gateway as its users ask it. */
export interface UserClient {
  health(signal?: AbortSignal): Promise<Health>;
  /** Ids that a user would get; with the control token at hand, nothing of it counts in a gate. Throws if another release answered. */
  askAsUser(probe: Probe, release: string, signal?: AbortSignal): Promise<string[]>;
}

export type GatewayClient = ControlClient & UserClient;

/**
 * The gateway gives its disk 3 s. Below the 4 s after which Temporal takes an activity that changes traffic for lost
 * (workflows/runtime/activities.ts), so that its own error is what a person reads.
 */
const STATE_MS = 3_500;
/** A search of a lane that is busy or has just started. */
const SEARCH = { timeoutMs: 5_000 };

/**
 * GATEWAY_URL, CONTROL_URL, CONTROL_TOKEN and CONTROL_TOKEN_FILE, with the embedded stack's defaults.
 * @throws SettingsError that names those which are wrong
 */
export function gatewayFromEnv(env: NodeJS.ProcessEnv): GatewayAddress {
  const read = readSettings(env, 'GATEWAY_URL', 'CONTROL_URL', 'CONTROL_TOKEN', 'CONTROL_TOKEN_FILE');
  return {
    gateway: read.GATEWAY_URL,
    control: read.CONTROL_URL,
    token:
      read.CONTROL_TOKEN === undefined
        ? { file: resolve(ROOT, read.CONTROL_TOKEN_FILE) }
        : { value: read.CONTROL_TOKEN },
  };
}

/** Both listeners of a gateway, as an operator's command asks them. */
export function createGatewayClient(address: GatewayAddress): GatewayClient {
  const { control: url, token } = address;
  return { ...createControlClient({ url, token }), ...createUserClient(address, 'rollback-check') };
}

/** A client of the control listener; each call is one HTTP request with a deadline. */
export function createControlClient(options: ControlOptions): ControlClient {
  const ask = createAsk(options);
  const post = (path: string, body: unknown, signal?: AbortSignal) => ({
    method: 'POST' as const,
    path,
    body: JSON.stringify(body),
    signal,
  });
  return {
    view: (signal) => ask({ method: 'GET', path: '/control', signal }),
    takeEpoch: (take) => ask(post('/control/epoch', take)),
    async change(change) {
      const body = JSON.stringify(change);
      const answer = await ask({ method: 'PUT', path: '/control', body }, ({ body: refused }) => refused);
      return 'refusal' in answer
        ? { kind: 'refused', refusal: answer.refusal, view: answer.view }
        : { kind: 'done', view: answer };
    },
    rollBack: (rollback) => ask(post('/control/rollback', rollback)),
    async renewLease(renewal, signal) {
      const path = '/control/lease';
      const answer = await ask(post(path, renewal, signal), ({ detail }) => ({ refused: detail }));
      return 'refused' in answer
        ? { kind: 'refused', reason: answer.refused }
        : { kind: 'renewed', expiresAtMs: answer.expiresAtMs };
    },
    search: (lane, body, signal) => ask({ ...post(`/control/search/${lane}`, body, signal), ...SEARCH }),
    searchWith: (lane, context, { flags, k }) =>
      ask({
        method: 'POST',
        path: `/control/search/${lane}?kind=context&k=${k}`,
        headers: { 'content-type': 'application/octet-stream', [LANE_HEADERS.flags]: formatFlags(flags) },
        body: Buffer.from(context.buffer, context.byteOffset, context.byteLength),
        ...SEARCH,
      }),
  };
}

type Asked = Omit<Exchange, 'timeoutMs'> & { readonly timeoutMs?: number };

/** Sends with the token. A 409 is what `refused` makes of it; other refusals are thrown as `failure` has them. */
function createAsk({ url, token, timeoutMs, failure = (refusal) => refusal }: ControlOptions) {
  const listener: Listener = { name: "the gateway's control listener", setting: 'CONTROL_URL', url };
  return async (asked: Asked, refused?: (refusal: GatewayRefusal) => unknown) => {
    const headers = { authorization: `Bearer ${await controlToken(token)}`, ...asked.headers };
    const request = { ...asked, headers, timeoutMs: timeoutMs ?? asked.timeoutMs ?? STATE_MS };
    return exchange(listener, request).catch((error: unknown) => {
      if (!(error instanceof GatewayRefusal)) throw error;
      if (error.status === 409 && refused !== undefined) return refused(error);
      throw failure(error);
    });
  };
}

/** A client of the listener that users call; `prober` is what its searches say they come from. */
export function createUserClient({ gateway: url, token }: UserAddress, prober: string): UserClient {
  const listener: Listener = { name: 'the gateway', setting: 'GATEWAY_URL', url };
  return {
    health: (signal) => exchange(listener, { method: 'GET', path: '/health', signal, ...SEARCH }),
    async askAsUser(probe, release, signal) {
      const headers = await probeHeaders(token, prober);
      const body = JSON.stringify(probeRequest(probe));
      const asked: Exchange = { method: 'POST', path: '/search', headers, body, signal, ...SEARCH };
      const answer: SearchResponse = await exchange(listener, asked);
      if (answer.release !== release) throw new Error(`answered by ${answer.release}`);
      return answer.results.map(({ id }) => id);
    },
  };
}

/**
 * The gateway after a change that is not to be refused.
 * @throws Error with the fence's reason where it is
 */
export function changed(result: ChangeResult): ControlView {
  if (result.kind === 'refused') throw new Error(`PUT /control: ${result.refusal.reason}`);
  return result.view;
}

/** What leaves a probe out of the counts. Without a token it is a user like others: a proof does not wait for it. */
async function probeHeaders(source: TokenSource, prober: string): Promise<Record<string, string>> {
  const token = await controlToken(source).catch(() => null);
  if (token === null) return {};
  return { [LANE_HEADERS.synthetic]: prober, authorization: `Bearer ${probeToken(token)}` };
}
