import { z } from 'zod';
import { startLineProcess } from './line-process.ts';

/** What an engine is asked, a line of JSON on its stdin. */
export interface Task {
  readonly index: string;
  /** n*dimension floats as .npy. */
  readonly queries: string;
  readonly k: number;
  readonly nprobe: number;
  /** All queries in one call; else one after the other. */
  readonly batch: boolean;
}

const answer = z.object({
  /** Of each call. */
  microseconds: z.array(z.number()),
  /** k ids of each query, best first. */
  ids: z.array(z.number()),
  scores: z.array(z.number()),
});
export type Answer = z.infer<typeof answer>;

/** An engine in a process of its own, which waits while another one is measured. */
export interface Engine {
  readonly name: string;
  measure(task: Task): Promise<Answer>;
  close(): void;
}

/** Starts the command; it answers each line on stdin with one on stdout. */
export function startEngine(
  name: string,
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>> = {},
): Engine {
  const { OPENBLAS_CORETYPE: _, ...withoutCoreType } = process.env;
  // One thread for everybody: what is compared is the work, not who takes more cores. And each BLAS chooses its own
  // kernels: a core type forced from outside would slow the peers.
  const child = startLineProcess(name, command, {
    ...withoutCoreType,
    OMP_NUM_THREADS: '1',
    OPENBLAS_NUM_THREADS: '1',
    ...env,
  });
  return {
    name,
    measure: async (task) => answer.parse(await child.ask(task)),
    close: child.close,
  };
}
