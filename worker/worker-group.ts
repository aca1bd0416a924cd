import type { Worker } from '@temporalio/worker';
import { errorMessage } from '../domain/core/error-message.ts';

/** One of the workers that share this process. */
export interface Member {
  readonly taskQueue: string;
  readonly worker: Pick<Worker, 'run' | 'shutdown' | 'getStatus'>;
}

export interface MemberStatus {
  readonly taskQueue: string;
  /** As the SDK names it: INITIALIZED, RUNNING, STOPPING, DRAINING, DRAINED, STOPPED or FAILED. */
  readonly state: string;
}

/** A worker that leaves RUNNING by itself ends its `run()` late or never, so its state is read this often. */
const CHECK_EVERY_MS = 500;
/** Above the workers' `shutdownGraceTime` (3 s), below the 8 s and more after which supervisors send SIGKILL. */
const SHUTDOWN_WITHIN_MS = 7_000;

/**
 * Workers that live and end together: without the one that runs workflows, the others keep a rollout's lease alive that
 * nobody can end. The first failure shuts all of them down.
 */
export class WorkerGroup {
  private readonly members: readonly Member[];
  private readonly onFailure: (cause: Error) => void;
  private stopping = false;
  private giveUp: () => void = () => {};
  private deadline: NodeJS.Timeout | undefined;
  /** Why the group ends other than by `stop`. The first cause stays; a suspect's own error takes the place of the suspicion. */
  private cause: Error | null = null;
  private suspect: string | null = null;

  /** `onFailure` receives the first failure at once, before the workers have shut down. */
  constructor(members: readonly Member[], onFailure: (cause: Error) => void) {
    this.members = members;
    this.onFailure = onFailure;
  }

  /**
   * Runs all workers. Resolves when `stop` was called and all have drained. Rejects with the first cause where one fails
   * or ends by itself, and after 7 s where they do not shut down, whatever they still do.
   */
  async run(): Promise<void> {
    const timeUp = new Promise<false>((resolve) => (this.giveUp = () => resolve(false)));
    const ended = Promise.all(this.members.map((member) => this.runOne(member))).then(() => true);
    const checking = setInterval(() => this.check(), CHECK_EVERY_MS);
    const inTime = await Promise.race([ended, timeUp]);
    clearInterval(checking);
    clearTimeout(this.deadline);
    if (this.cause !== null) throw this.cause;
    if (!inTime)
      throw new Error(`workers still run ${SHUTDOWN_WITHIN_MS} ms after the stop: ${this.states()}`);
  }

  /** Lets all workers drain. */
  stop(): void {
    if (this.stopping) return;
    this.stopping = true;
    this.deadline = setTimeout(() => this.giveUp(), SHUTDOWN_WITHIN_MS);
    for (const { worker } of this.members) if (worker.getStatus().runState === 'RUNNING') worker.shutdown();
  }

  /** Ends the group with this cause: for what goes wrong beside the workers. */
  fail(cause: Error): void {
    if (this.cause !== null) return;
    this.cause = cause;
    this.onFailure(cause);
    this.stop();
  }

  status(): MemberStatus[] {
    return this.members.map(({ taskQueue, worker }) => ({ taskQueue, state: worker.getStatus().runState }));
  }

  private async runOne({ taskQueue, worker }: Member): Promise<void> {
    try {
      await worker.run();
      if (!this.stopping) this.fail(new Error(`the worker of ${taskQueue} ended, though nobody stopped it`));
    } catch (error) {
      const words = errorMessage(error);
      const cause = new Error(`the worker of ${taskQueue} failed: ${words}`, { cause: error });
      if (this.suspect === taskQueue) this.cause = cause;
      else this.fail(cause);
    }
  }

  /** Finds a worker that shuts down although nobody asked: its `run()` may hang in that, and with it the whole process. */
  private check(): void {
    if (this.stopping) return;
    const left = this.status().find(({ state }) => state !== 'RUNNING');
    if (left === undefined) return;
    this.suspect = left.taskQueue;
    this.fail(new Error(`the worker of ${left.taskQueue} is ${left.state}, though nobody stopped it`));
  }

  private states(): string {
    return this.status()
      .map(({ taskQueue, state }) => `${taskQueue} ${state}`)
      .join(', ');
  }
}
