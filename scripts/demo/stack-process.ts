import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TASK_QUEUE } from '../../domain/core/task-queues.ts';
import { FIRST_SERVICE } from '../../domain/core/stack-folders.ts';
import { dieWithParent, nodeCommand } from '../../devstack/process.ts';
import { ROOT } from '../../platform/node-command.ts';
import type { Stack } from '../../devstack/stack.ts';
import type { TrafficReport } from '../../devstack/traffic/tally.ts';

/** The stack of one demo, in a process of its own (`retriever start`), so that it can outlive the demo. */
export interface DemoStack {
  readonly addresses: Stack['addresses'];
  readonly pid: number;
  /** The newest report of the simulated users; null before the first. */
  traffic(): TrafficReport | null;
  /** Null while it runs; else its last words. */
  failure(): string | null;
  stop(): Promise<void>;
}

export interface DemoStackOptions {
  /** Deleted first: each demo begins with nothing. */
  readonly dataDir: string;
  readonly requestsPerSecond: number;
  /** Whether it goes on when the demo has ended. */
  readonly keep: boolean;
  readonly plansDir: string;
  readonly signal: AbortSignal;
}

/** Starts the stack with its traffic and resolves when it is ready and users are answered. Throws with its last words if it does not come up. */
export async function startDemoStack(options: DemoStackOptions): Promise<DemoStack> {
  const { dataDir } = options;
  rmSync(dataDir, { recursive: true, force: true });
  mkdirSync(join(dataDir, 'logs'), { recursive: true });
  const logFile = join(dataDir, 'logs/stack.log');
  const log = openSync(logFile, 'a');
  const command = nodeCommand(
    'scripts/cli',
    'start',
    '--no-monitor',
    '--traffic',
    String(options.requestsPerSecond),
  );
  const [file = '', ...args] = [...(options.keep ? [] : dieWithParent()), ...command];
  const child = spawn(file, args, {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      ...process.env,
      DATA_DIR: dataDir,
      PLANS_DIR: options.plansDir,
      // Whatever a demo writes is its own: another stack of this clone must not take its records for its own.
      ARTIFACTS_DIR: join(dataDir, 'artifacts'),
      PROD_DOCS_DIR: join(dataDir, 'PROD'),
      SERVICE: FIRST_SERVICE,
      TASK_QUEUE,
    },
  });
  let ended = false;
  const whenEnded = new Promise<void>((resolve) => {
    child.once('exit', () => {
      ended = true;
      resolve();
    });
  });
  const failure = () =>
    ended ? `the stack ended: ${readFileSync(logFile, 'utf8').trim().slice(-1_500)}` : null;
  const stop = async () => {
    // Waited for again: the demo ends after all that it started.
    child.ref();
    if (!ended) child.kill('SIGTERM');
    await whenEnded;
  };
  try {
    const until = <T>(look: () => T | null) => untilThere(look, failure, options.signal);
    const addresses = await until(() => stackFile(join(dataDir, 'run/stack.json')));
    const traffic = () => lastReport(join(dataDir, 'logs/traffic.log'));
    // A rollout may end within a second: what users see has to be known by then.
    await until(() => ((traffic()?.answered ?? 0) > 0 ? true : null));
    child.unref();
    return {
      addresses,
      pid: child.pid ?? -1,
      traffic,
      failure,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilThere<T>(
  look: () => T | null,
  failure: () => string | null,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== null) return found;
    const failed = failure();
    if (failed !== null) throw new Error(failed);
    await pause(100, undefined, { signal });
  }
}

function stackFile(file: string): Stack['addresses'] | null {
  const text = readOrNull(file);
  return text === null ? null : JSON.parse(text);
}

/** The log holds a line a second: its end is enough. */
function lastReport(file: string): TrafficReport | null {
  const last = readOrNull(file)
    ?.split('\n')
    .findLast((line) => line.startsWith('{') && line.endsWith('}'));
  return last === undefined ? null : JSON.parse(last);
}

function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
