import type { ControlState } from '../../../domain/control/state.ts';
import type { Command } from '../../../domain/control/apply-command.ts';
import { applyCommand, nextTickMs } from '../../../domain/control/apply-command.ts';
import type { Applied } from '../../../domain/control/command-result.ts';
import { isSafeUnpersisted } from '../../../domain/control/persistence-failure.ts';
import type { StateStore } from './state-store.ts';
import { errorMessage } from '../../../domain/core/error-message.ts';

const LOOK_MS = 250;
/** A disk that takes longer hangs, and counts as one that fails. Activities wait 3.5 s for an answer (clients/gateway-client.ts). */
const SAVE_WITHIN_MS = 3_000;

/** A command that could not be written. It is in force where that is safer for users, and else changed nothing. */
export class PersistenceError extends Error {
  readonly inForce: boolean;

  constructor(cause: unknown, inForce: boolean) {
    const words = errorMessage(cause);
    super(
      inForce
        ? `it is in force, but not on disk: ${words}; it is written as soon as that works, and a restart before then forgets it`
        : `nothing was changed, because it cannot be written: ${words}`,
      { cause },
    );
    this.inForce = inForce;
  }
}

export interface ControlPlaneDeps {
  readonly store: StateStore;
  readonly now: () => number;
  readonly killSwitch: boolean;
  readonly onChange: (state: ControlState, before: ControlState) => void;
  /** After each write: null where it worked, else why not. */
  readonly onSave: (fault: unknown) => void;
  /** The first of several writes that fail, or a fault of ours; writes are tried again until one works. */
  readonly onFault: (error: unknown) => void;
}

/**
 * Holds the control state: one command after the other, each on disk before it is acknowledged. It is acted on only then
 * as well, but for what takes users to safety, which does not wait for a disk.
 */
export class ControlPlane {
  private current: ControlState;
  /** Why the last write failed: what is on disk may be another state than the one in force. */
  private fault: { readonly cause: unknown } | null = null;
  private queue: Promise<unknown> = Promise.resolve();
  private looking = false;
  private writing = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly deps: ControlPlaneDeps;

  constructor(state: ControlState, deps: ControlPlaneDeps) {
    this.current = state;
    this.deps = deps;
  }

  get state(): ControlState {
    return this.current;
  }

  get killSwitch(): boolean {
    return this.deps.killSwitch;
  }

  /** Whether the state in force may not be the one on disk. */
  get unsaved(): boolean {
    return this.fault !== null;
  }

  /**
   * Applies a command after all before it. A promotion is two states on disk: the intent, and the lanes swapped.
   * @throws PersistenceError, also for a step that is repeated before it is on disk
   */
  apply(command: Command): Promise<Applied> {
    const applied = this.queue.then(async () => {
      const result = await this.write(command);
      return result.kind === 'done' && result.state.promoting !== null
        ? this.write({ kind: 'finishPromotion' })
        : result;
    });
    this.queue = applied.catch(() => {});
    return applied;
  }

  /** Finishes what a kill left half-done, and begins to watch the clock. A disk that fails keeps no gateway from serving. */
  async start(): Promise<void> {
    if (this.killSwitch) await this.attempt({ kind: 'killSwitch' });
    await this.attempt({ kind: 'tick' });
    this.timer = setInterval(() => void this.look(), LOOK_MS);
  }

  /** Resolves when the last command is on disk, or has failed to get there. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.queue;
  }

  /** What time has ended, what is half-done, and what is not on disk. */
  private async look(): Promise<void> {
    const dueMs = nextTickMs(this.current);
    const isDue = dueMs !== null && dueMs <= this.deps.now();
    if (this.looking || !(isDue || this.unsaved || this.current.promoting !== null)) return;
    this.looking = true;
    await this.attempt({ kind: 'tick' });
    this.looking = false;
  }

  /** Applies a command that nobody waits for; its failure to reach the disk was reported when the writes began to fail. */
  private async attempt(command: Command): Promise<void> {
    await this.apply(command).catch((error: unknown) => {
      if (!(error instanceof PersistenceError)) this.deps.onFault(error);
    });
  }

  private async write(command: Command): Promise<Applied> {
    const nowMs = this.deps.now();
    // By itself: the end of a lease must neither wait for the command's turn on disk, nor make a raise look like less.
    if (command.kind !== 'tick') await this.reach({ kind: 'tick' }, nowMs);
    const { result, fault, inForce } = await this.reach(command, nowMs);
    // A refusal is true whatever the disk does.
    if (fault === null || result.kind === 'refused') return result;
    throw new PersistenceError(fault.cause, inForce);
  }

  private async reach(command: Command, nowMs: number) {
    const before = this.current;
    const result = applyCommand(before, command, nowMs);
    const changes = result.state !== before;
    const fault = changes || this.unsaved ? await this.save(result.state) : null;
    const inForce = !changes || fault === null || isSafeUnpersisted(before, result.state, command);
    if (changes && inForce) {
      this.current = result.state;
      this.deps.onChange(result.state, before);
    }
    return { result, fault, inForce };
  }

  private async save(state: ControlState): Promise<ControlPlane['fault']> {
    const failedBefore = this.unsaved;
    this.fault = await this.store(state).then(
      () => null,
      (cause: unknown) => ({ cause }),
    );
    this.deps.onSave(this.fault?.cause ?? null);
    if (this.fault !== null && !failedBefore) this.deps.onFault(this.fault.cause);
    return this.fault;
  }

  private async store(state: ControlState): Promise<void> {
    if (this.writing) throw new Error('an earlier write has not ended');
    this.writing = true;
    const saved = this.deps.store.save(state).finally(() => {
      this.writing = false;
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const words = `not written after ${SAVE_WITHIN_MS / 1000} s`;
      timer = setTimeout(() => reject(new Error(words)), SAVE_WITHIN_MS);
    });
    await Promise.race([saved, late]).finally(() => clearTimeout(timer));
  }
}
