import { readFile } from 'node:fs/promises';
import { request } from 'undici';
import type { AnyLane, ControlChange, ControlView } from '../../domain/control.ts';
import type { Health, Problem, SearchResponse } from '../../domain/http.ts';
import { LANE_HEADERS } from '../../domain/http.ts';
import type { Probe } from '../../retrieval/evaluation/probe-check.ts';
import { probeRequest } from '../../retrieval/evaluation/probe-check.ts';

/** Where a gateway is; the token is read for each call. */
export interface GatewayAddress {
  readonly gateway: string;
  readonly control: string;
  readonly token: { readonly value: string } | { readonly file: string };
}

/** GATEWAY_URL, CONTROL_URL, CONTROL_TOKEN and CONTROL_TOKEN_FILE, with the embedded stack's defaults. */
export function gatewayFromEnv(env: NodeJS.ProcessEnv): GatewayAddress {
  return {
    gateway: env['GATEWAY_URL'] ?? 'http://127.0.0.1:8080',
    control: env['CONTROL_URL'] ?? 'http://127.0.0.1:8081',
    token: env['CONTROL_TOKEN']
      ? { value: env['CONTROL_TOKEN'] }
      : { file: env['CONTROL_TOKEN_FILE'] ?? '.data/run/control-token' },
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
  health(): Promise<Health>;
  /** Ids that a user would get; nothing of it counts in a gate. Throws if another release answered. */
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
    const { token } = address;
    const value = 'value' in token ? token.value : (await readFile(token.file, 'utf8')).trim();
    return call(method, `${address.control}${path}`, { authorization: `Bearer ${value}` }, body);
  };
  return {
    control: () => control('GET', '/control'),
    change: (change) => control('PUT', '/control', change),
    health: () => call('GET', `${address.gateway}/health`, {}),
    async askAsUser(probe, release) {
      const headers = { [LANE_HEADERS.synthetic]: 'rollback-check' };
      const answer: SearchResponse = await call(
        'POST',
        `${address.gateway}/search`,
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

/** The JSON of a 200, which the caller's type names; throws for any other. */
async function call(method: Method, url: string, headers: Record<string, string>, body?: unknown) {
  const answer = await request(url, {
    method,
    headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(5_000),
  });
  const text = await answer.body.text();
  if (answer.statusCode === 200) return JSON.parse(text);
  throw new GatewayRefusal(`${method} ${url}`, answer.statusCode, text);
}

function problemOf(text: string): string {
  try {
    const problem: Partial<Problem> = JSON.parse(text);
    return problem.detail ?? problem.title ?? text;
  } catch {
    return text.slice(0, 200);
  }
}
