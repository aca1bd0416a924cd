import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../devstack/ports.ts';
import type { ProcessSpec, RunningProcess } from '../../devstack/process.ts';
import { startProcess } from '../../devstack/process.ts';
import { ROOT } from '../../platform/node-command.ts';
import type { BodyKind } from '../load/question.ts';
import type { BenchRelease } from '../release/release.ts';

/** A service that answers POST /search, how it is started, and the bodies that it knows. */
export interface ServiceSpec {
  readonly name: string;
  /** Processes that search. */
  readonly workers: number;
  readonly bodies: readonly BodyKind[];
  start(setting: Setting): Promise<Service>;
}

/** What all services serve, and where things are. */
export interface Setting {
  readonly release: BenchRelease;
  /** Command of a compiled module of ours. */
  readonly ours: (module: string) => string[];
  /** PYTHONPATH of the peers. */
  readonly packages: string;
  /** Hears of each service at once, ready or not, so that none is left behind. */
  readonly onEnd: (close: () => Promise<void>) => void;
}

export interface Service {
  readonly spec: ServiceSpec;
  readonly url: string;
  /** From the command to the readiness to answer. */
  readonly startedInMs: number;
  /** Leader of the group of all its processes. */
  readonly pid: number;
  stop(): Promise<void>;
}

const BOTH: readonly BodyKind[] = ['json', 'binary'];
const READY_WITHIN_MS = 60_000;

export const GATEWAY: ServiceSpec = {
  name: 'gateway + retriever',
  workers: 1,
  bodies: BOTH,
  start: (setting) =>
    startService(GATEWAY, setting, {
      // The young generation as in docker-compose.yml.
      command: setting.ours('serving/gateway/main').toSpliced(1, 0, '--max-semi-space-size=32'),
      env: (folder) => ({
        GATEWAY_PORT: '0',
        CONTROL_PORT: '0',
        CONTROL_TOKEN_FILE: join(folder, 'token'),
        STATE_DIR: join(folder, 'state'),
        RELEASES_DIR: setting.release.releasesDir,
        STABLE_RELEASE: setting.release.version,
        MODELS_DIR: setting.release.modelsDir,
      }),
      ready: (child) =>
        child.firstLine((line) => {
          const word = wordOf(line, 'listening');
          return word === null ? null : String(word['gateway']);
        }, READY_WITHIN_MS),
    }),
};

export const RETRIEVER: ServiceSpec = {
  name: 'retriever alone',
  workers: 1,
  bodies: BOTH,
  start: (setting) => {
    const { releasesDir, version, modelsDir } = setting.release;
    return startService(RETRIEVER, setting, {
      // The young generation as the gateway starts lanes.
      command: [
        ...setting.ours('serving/retriever/main').toSpliced(1, 0, '--max-semi-space-size=8'),
        '--releases',
        releasesDir,
        '--release',
        version,
      ],
      env: () => ({ MODELS_DIR: modelsDir }),
      ready: (child) =>
        child.firstLine((line) => {
          const word = wordOf(line, 'ready');
          return word === null ? null : `http://127.0.0.1:${String(word['port'])}`;
        }, READY_WITHIN_MS),
    });
  },
};

/** bench/python/plain.py under uvicorn. */
export function plainPython(workers: number): ServiceSpec {
  return python('Python, FastAPI', 'plain', workers, ['json']);
}

/** bench/python/tuned.py under uvicorn. */
export function tunedPython(workers: number): ServiceSpec {
  return python('Python, tuned', 'tuned', workers, BOTH);
}

function python(name: string, module: string, workers: number, bodies: readonly BodyKind[]): ServiceSpec {
  const spec: ServiceSpec = {
    name,
    workers,
    bodies,
    async start(setting) {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const flags = { host: '127.0.0.1', port, workers };
      return startService(spec, setting, {
        command: uvicorn(module, flags),
        env: () => ({
          PYTHONPATH: setting.packages,
          PYTHONDONTWRITEBYTECODE: '1',
          OMP_NUM_THREADS: '1',
          OPENBLAS_NUM_THREADS: '1',
          RELEASE_DIR: setting.release.dir,
        }),
        ready: async (child) => {
          await allWorkers(child, workers);
          await answers(`${url}/health`);
          return url;
        },
      });
    },
  };
  return spec;
}

function uvicorn(module: string, flags: Readonly<Record<string, string | number>>): string[] {
  const all = {
    ...flags,
    'app-dir': join(ROOT, 'bench/python'),
    loop: 'uvloop',
    http: 'httptools',
    // Longer than our connections are idle: a close that crosses a request would count as an error.
    'timeout-keep-alive': 75,
    'log-level': 'warning',
  };
  // Each BLAS chooses its own kernels: a core type forced from outside would slow the peers.
  const command = 'env -u OPENBLAS_CORETYPE python3 -m uvicorn --no-access-log'.split(' ');
  return [
    ...command,
    ...Object.entries(all).flatMap(([option, value]) => [`--${option}`, String(value)]),
    `${module}:app`,
  ];
}

interface StartSpec {
  readonly command: readonly string[];
  env(folder: string): Readonly<Record<string, string>>;
  /** Resolves with the address. */
  ready(child: RunningProcess): Promise<string>;
}

async function startService(
  spec: ServiceSpec,
  { onEnd }: Setting,
  { command, env, ready }: StartSpec,
): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-http-'));
  const beganMs = performance.now();
  const name = `${spec.name} (${spec.workers})`;
  const processSpec: ProcessSpec = { name, command, env: env(folder), logFile: join(folder, 'log') };
  const child = startProcess(processSpec);
  const stop = async () => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  onEnd(stop);
  const url = await ready(child);
  return { spec, url, startedInMs: performance.now() - beganMs, pid: child.pid, stop };
}

/** The fields of a line like `{"event": name, ...}`, else null. */
function wordOf(line: string, event: string): Record<string, unknown> | null {
  return line.startsWith(`{"event":"${event}"`) ? JSON.parse(line) : null;
}

/** Each worker says that it is ready when it has the index. */
async function allWorkers(child: RunningProcess, workers: number): Promise<void> {
  let ready = 0;
  await child.firstLine(
    (line) => (wordOf(line, 'ready') !== null && ++ready === workers ? true : null),
    READY_WITHIN_MS,
  );
}

async function answers(url: string): Promise<void> {
  const lateMs = performance.now() + READY_WITHIN_MS;
  while (performance.now() < lateMs) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
    await pause(5);
  }
  throw new Error(`${url} does not answer`);
}
