import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { request } from 'undici';
import type { AnyLane, ControlView } from '../domain/control/state.ts';
import type { ControlChange, Rollback, RolledBack } from '../domain/control/change.ts';
import type { Health, Problem, SearchResponse } from '../domain/control/http.ts';
import { LANE_HEADERS } from '../domain/control/http.ts';
import { readSettings, readTokenFile } from '../domain/core/settings.ts';
import type { Probe } from '../retrieval/evaluation/probe-check.ts';
import { probeRequest } from '../retrieval/evaluation/probe-check.ts';
import { probeToken } from '../retrieval/evaluation/probe-token.ts';
import { ROOT } from './process.ts';

/** Where a gateway is; the token is read for each call. */
export interface GatewayAddress {
  readonly gateway: string;
  readonly control: string;
  readonly token: { readonly value: string } | { readonly file: string };
}

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

/** What a gateway answered in the place of a 200. */
export class GatewayRefusal extends Error {
  readonly status: number;
  /** Of a change: it is in force, although the gateway could not write it. */
  readonly inForce: boolean;

  constructor(what: string, status: number, text: string) {
    super(`${what} answered ${status}: ${problemOf(text)}`);
    this.status = status;
    this.inForce = /"inForce":true/.test(text);
  }
}

/** What an operator's command needs of a gateway. Every call throws an error that says what was answered. */
export interface GatewayClient {
  control(): Promise<ControlView>;
  change(change: ControlChange): Promise<ControlView>;
  rollBack(rollback: Rollback): Promise<RolledBack>;
  health(): Promise<Health>;
  /** Ids that a user would get; with the control token at hand, nothing of it counts in a gate. Throws if another release answered. */
  askAsUser(probe: Probe, release: string): Promise<string[]>;
  /** Ids of exactly that lane. */
  askLane(lane: AnyLane, probe: Probe): Promise<string[]>;
}

function ids(answer: SearchResponse): string[] {
  return answer.results.map(({ id }) => id);
}

/** An HTTP client of both listeners; each call has a deadline of 5 s. */
export function createGatewayClient(address: GatewayAddress): GatewayClient {
  const control = async (method: Method, path: string, body?: unknown) => {
    const value = await tokenOf(address);
    return call(CONTROL, method, address.control, path, { authorization: `Bearer ${value}` }, body);
  };
  return {
    control: () => control('GET', '/control'),
    change: (change) => control('PUT', '/control', change),
    rollBack: (rollback) => control('POST', '/control/rollback', rollback),
    health: () => call(USERS, 'GET', address.gateway, '/health', {}),
    async askAsUser(probe, release) {
      const headers = await probeHeaders(address);
      const answer: SearchResponse = await call(
        USERS,
        'POST',
        address.gateway,
        '/search',
        headers,
        probeRequest(probe),
      );
      if (answer.release !== release) throw new Error(`answered by ${answer.release}`);
      return ids(answer);
    },
    askLane: async (lane, probe) =>
      ids(await control('POST', `/control/search/${lane}`, probeRequest(probe))),
  };
}

type Method = 'GET' | 'PUT' | 'POST';

/** A listener by the words that an operator knows it by, and the variable that says where it is. */
interface Listener {
  readonly name: string;
  readonly variable: string;
}
const USERS: Listener = { name: 'the gateway', variable: 'GATEWAY_URL' };
const CONTROL: Listener = { name: "the gateway's control listener", variable: 'CONTROL_URL' };

async function tokenOf({ token }: GatewayAddress): Promise<string> {
  if ('value' in token) return token.value;
  const text = await readFile(token.file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const words = cause.code === 'ENOENT' ? `no control token at ${token.file}` : cause.message;
    throw new Error(`${words}: set CONTROL_TOKEN or CONTROL_TOKEN_FILE`, { cause });
  });
  return readTokenFile(text, token.file);
}

/** What leaves a probe out of the counts. Who has no token asks as users do. */
async function probeHeaders(address: GatewayAddress): Promise<Record<string, string>> {
  const token = await tokenOf(address).catch(() => null);
  if (token === null) return {};
  return { [LANE_HEADERS.synthetic]: 'rollback-check', authorization: `Bearer ${probeToken(token)}` };
}

/** The JSON of a 200, which the caller's type names; throws for any other. */
async function call(
  listener: Listener,
  method: Method,
  address: string,
  path: string,
  headers: Record<string, string>,
  body?: unknown,
) {
  const url = `${address}${path}`;
  const answer = await request(url, {
    method,
    headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(DEADLINE_MS),
  }).catch((cause: unknown) => {
    throw new Error(noAnswer(listener, method, address, cause), { cause });
  });
  const text = await answer.body.text();
  if (answer.statusCode === 200) return JSON.parse(text);
  throw new GatewayRefusal(`${method} ${url}`, answer.statusCode, text);
}

const DEADLINE_MS = 5_000;
const UNCONNECTED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Only where no connection came about is it certain that the call did nothing. */
function noAnswer({ name, variable }: Listener, method: Method, address: string, cause: unknown): string {
  const where = `at ${address} (${variable})`;
  const { code, message } =
    cause instanceof Error ? (cause as NodeJS.ErrnoException) : { message: String(cause) };
  if (code !== undefined && UNCONNECTED.has(code))
    return `${name} does not answer ${where}: this call changed nothing`;
  const doubt = method !== 'GET' ? '; whether the change was made is not known: ask again' : '';
  return `${name} gave no answer ${where}: ${message}${doubt}`;
}

function problemOf(text: string): string {
  try {
    const problem: Partial<Problem> = JSON.parse(text);
    return problem.detail ?? problem.title ?? text;
  } catch {
    return text.slice(0, 200);
  }
}
