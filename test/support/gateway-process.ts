import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import type { AnyLane, ControlView } from '../../domain/control/state.ts';
import type { SearchRequest } from '../../domain/control/http.ts';
import { LANE_HEADERS } from '../../domain/control/http.ts';
import { probeRequest } from '../../retrieval/evaluation/probe-check.ts';
import { probeToken } from '../../retrieval/evaluation/probe-token.ts';
import { loadProbes } from '../../retrieval/evaluation/set.ts';
import type { ChangeBody } from '../../serving/gateway/routes/change-body.ts';
import type { RunningProcess } from '../../devstack/process.ts';
import { nodeCommand, startProcess } from '../../devstack/process.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';

/** Flags of the old release of these tests: what a rollback has to bring back. */
export const OLD_FLAGS = { impl: 'gru_v0', reranker: 'off', nprobe: 8 } as const;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  // Tests look into answers of every shape.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

/** A gateway in a process of its own, on free ports, with its state in a temporary folder that survives a restart. */
export interface TestGateway {
  readonly folder: string;
  url(): string;
  controlUrl(): string;
  pid(): number;
  start(env?: Readonly<Record<string, string>>): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Ends the process and removes the folder. */
  close(): Promise<void>;
  /** SIGTERM; resolves with how it ended. */
  terminate(): Promise<string>;
  search(body: SearchRequest | string, headers?: Record<string, string>): Promise<Answer>;
  control(method: 'GET' | 'PUT' | 'POST', path: string, body?: unknown, token?: string): Promise<Answer>;
  /** A search by a prober of ours, which is not counted. */
  probe(body: SearchRequest): Promise<Answer>;
  /** A search of the stable lane by the control listener, under these flags. */
  searchWith(body: SearchRequest, flags: string): Promise<Answer>;
  /** POST /ingest with its token. */
  ingest(chunk: unknown): Promise<Answer>;
  /** DELETE /ingest/{id}. */
  forget(id: string): Promise<Answer>;
  /** A change by hand, which always wins: each test sets the stage that it needs. */
  byHand(change: Omit<ChangeBody, 'by'>): Promise<Answer>;
  /** So many percent of the users on release v0, whose lane is ready. */
  share(percent: number): Promise<void>;
  /** The view once it is as wanted; fails with what it was last after 30 s. */
  until(wanted: (view: ControlView) => boolean): Promise<ControlView>;
  metrics(): Promise<string>;
  log(): Promise<string>;
}

export async function createTestGateway(releasesDir: string): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'));
  const logFile = join(folder, 'gateway.log');
  let running: RunningProcess | null = null;
  let urls = { gateway: '', control: '' };
  const environment = {
    GATEWAY_PORT: '0',
    CONTROL_PORT: '0',
    CONTROL_TOKEN_FILE: join(folder, 'token'),
    STATE_DIR: join(folder, 'state'),
    RELEASES_DIR: releasesDir,
    // Nobody balances load here.
    DRAIN_MS: '0',
  };
  const gateway: TestGateway = {
    folder,
    url: () => urls.gateway,
    controlUrl: () => urls.control,
    pid: () => running?.pid ?? 0,
    async start(env = {}) {
      running = startProcess({
        name: 'gateway',
        command: nodeCommand('serving/gateway/main'),
        env: { ...environment, ...env },
        logFile,
      });
      urls = await running.firstLine(listening, 60_000);
    },
    async kill() {
      await running?.kill();
    },
    async terminate() {
      process.kill(running?.pid ?? 0, 'SIGTERM');
      return (await running?.ended) ?? '';
    },
    async close() {
      await running?.stop();
      await rm(folder, { recursive: true, force: true });
    },
    search: (body, headers = {}) => ask('POST', `${urls.gateway}/search`, body, headers),
    async control(method, path, body, token) {
      const own =
        token === undefined
          ? await bearer(environment.CONTROL_TOKEN_FILE)
          : { authorization: `Bearer ${token}` };
      return ask(method, `${urls.control}${path}`, body, own);
    },
    async probe(body) {
      const token = probeToken(await tokenIn(environment.CONTROL_TOKEN_FILE));
      return gateway.search(body, { [LANE_HEADERS.synthetic]: 'probe', authorization: `Bearer ${token}` });
    },
    async searchWith(body, flags) {
      const headers = { ...(await bearer(environment.CONTROL_TOKEN_FILE)), [LANE_HEADERS.flags]: flags };
      return ask('POST', `${urls.control}/control/search/stable`, body, headers);
    },
    async ingest(chunk) {
      return ask('POST', `${urls.gateway}/ingest`, chunk, await bearer(join(folder, 'ingest-token')));
    },
    async forget(id) {
      const path = `/ingest/${encodeURIComponent(id)}`;
      return ask('DELETE', urls.gateway + path, undefined, await bearer(join(folder, 'ingest-token')));
    },
    byHand: (change) => gateway.control('PUT', '/control', { by: 'test', ...change }),
    async share(percent) {
      await gateway.byHand({ percent: 0, lanes: { candidate: 'v0' } });
      await gateway.until(ready('candidate', 'v0'));
      await gateway.byHand({ percent });
    },
    async until(wanted) {
      const lateMs = Date.now() + 30_000;
      for (;;) {
        const { body: view }: { body: ControlView } = await gateway.control('GET', '/control');
        if (wanted(view)) return view;
        if (Date.now() > lateMs) throw new Error(`still ${JSON.stringify(view)}`);
        await pause(20);
      }
    },
    metrics: async () => (await request(`${urls.gateway}/metrics`)).body.text(),
    log: () => readFile(logFile, 'utf8'),
  };
  return gateway;
}

async function bearer(tokenFile: string): Promise<{ authorization: string }> {
  return { authorization: `Bearer ${await tokenIn(tokenFile)}` };
}

async function tokenIn(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).trim();
}

/** For `until`: the lane serves. */
export function ready(lane: AnyLane, release?: string): (view: ControlView) => boolean {
  return ({ lanes }) =>
    lanes[lane]?.state === 'ready' && (release === undefined || lanes[lane]?.release === release);
}

/** The value of a metric whose line has these labels; 0 where there is none. */
export function metric(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)))
    .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function listening(line: string): { gateway: string; control: string } | null {
  return line.startsWith('{"event":"listening"') ? JSON.parse(line) : null;
}

async function ask(
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  url: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<Answer> {
  const answer = await request(url, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await answer.body.text();
  return { status: answer.statusCode, headers: answer.headers, body: text === '' ? null : JSON.parse(text) };
}

/** A folder with an old release and a new one, and a query of the old one's probes. */
export async function oldAndNew(): Promise<{ readonly releases: string; readonly query: object }> {
  const releases = await releasesFolder(
    await smallRelease('v-1', 'good', OLD_FLAGS),
    await smallRelease('v0'),
  );
  const [probe] = await loadProbes(join(releases, 'v-1'));
  return { releases, query: probe === undefined ? {} : probeRequest(probe) };
}
