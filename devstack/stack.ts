import { mkdir } from 'node:fs/promises';
import { describeParts, tokenFile } from './parts.ts';
import type { StackPorts } from './ports.ts';
import { claimPorts } from './ports.ts';
import type { RunningProcess } from './process.ts';
import { startProcess } from './process.ts';
import type { Part, StackOptions } from './stack-options.ts';

/** The embedded stack: Temporal's dev server, the gateway with its lanes, and the worker. */
export interface Stack {
  readonly addresses: {
    readonly temporal: string;
    readonly temporalUi: string;
    readonly gateway: string;
    readonly control: string;
    readonly workerMetrics: string;
    readonly workerHealth: string;
  };
  readonly tokenFile: string;
  /** Pid of a part that runs, else null. */
  pid(part: Part): number | null;
  /** Starts a part that does not run, on the ports and state it had, and waits until it is ready. */
  start(part: Part): Promise<void>;
  /** kill -9, of that one process. Resolves when it is gone. */
  kill(part: Part): Promise<void>;
  /** Ends all parts: the worker first, so that nothing acts on what is no longer there. */
  stop(): Promise<void>;
}

/**
 * Starts all three parts and resolves when each is ready. Throws, with nothing left running, where a port is in use
 * (named with its variable) or a part does not come up (with the end of its log).
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const stack = createStack(options, await claimPorts(options.ports));
  try {
    await Promise.all([stack.start('temporal'), stack.start('gateway')]);
    await stack.start('worker');
  } catch (error) {
    await stack.stop();
    throw error;
  }
  return stack;
}

function createStack(options: StackOptions, ports: StackPorts): Stack {
  const running = new Map<Part, RunningProcess>();
  const parts = describeParts(options, ports);
  async function forgetAtEnd(part: Part, started: RunningProcess): Promise<void> {
    await started.ended;
    if (running.get(part) === started) running.delete(part);
  }
  return {
    addresses: {
      temporal: `127.0.0.1:${ports.temporal}`,
      temporalUi: `http://127.0.0.1:${ports.temporalUi}`,
      gateway: `http://127.0.0.1:${ports.gateway}`,
      control: `http://127.0.0.1:${ports.control}`,
      workerMetrics: `http://127.0.0.1:${ports.workerMetrics}/metrics`,
      workerHealth: `http://127.0.0.1:${ports.workerHealth}/health`,
    },
    tokenFile: tokenFile(options),
    pid: (part) => running.get(part)?.pid ?? null,
    async start(part) {
      if (running.has(part)) return;
      await mkdir(options.dataDir, { recursive: true });
      const started = startProcess(parts[part].spec);
      running.set(part, started);
      void forgetAtEnd(part, started);
      await parts[part].ready(started);
      options.onProgress?.(parts[part].says);
    },
    async kill(part) {
      await running.get(part)?.kill();
    },
    async stop() {
      for (const part of ['worker', 'gateway', 'temporal'] as const) await running.get(part)?.stop();
    },
  };
}
