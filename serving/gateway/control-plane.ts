import type { ControlState } from '../../domain/control.ts';
import type { Command } from '../../domain/fence.ts';
import { applyCommand, nextTickMs } from '../../domain/fence.ts';
import type { Applied } from '../../domain/fence-result.ts';
import type { StateStore } from './state-store.ts';

/**
 * Holds the control state: one command after the other, each on disk before it is acknowledged and before it is acted
 * on. A state that could not be written was never reached.
 */
export class ControlPlane {
  private current: ControlState;
  private queue: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private readonly store: StateStore;
  private readonly now: () => number;
  private readonly onChange: (state: ControlState, before: ControlState) => void;
  private readonly onFault: (error: unknown) => void;
  readonly killSwitch: boolean;

  constructor(
    state: ControlState,
    deps: {
      readonly store: StateStore;
      readonly now: () => number;
      readonly killSwitch: boolean;
      readonly onChange: (state: ControlState, before: ControlState) => void;
      /** A write by the clock failed; it is tried again at the next tick. */
      readonly onFault: (error: unknown) => void;
    },
  ) {
    this.current = state;
    this.store = deps.store;
    this.now = deps.now;
    this.killSwitch = deps.killSwitch;
    this.onChange = deps.onChange;
    this.onFault = deps.onFault;
  }

  get state(): ControlState {
    return this.current;
  }

  /** Applies a command after all before it. A promotion is two states on disk: the intent, and the lanes swapped. */
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

  /** Finishes what a kill left half-done, and begins to watch the clock. */
  async start(): Promise<void> {
    if (this.killSwitch) await this.apply({ kind: 'killSwitch' });
    await this.apply({ kind: 'tick' });
    if (this.current.promoting !== null) await this.apply({ kind: 'finishPromotion' });
    this.timer = setInterval(() => this.watchClock(), 250);
  }

  /** Resolves when the last command is on disk. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.queue;
  }

  private watchClock(): void {
    const dueMs = nextTickMs(this.current);
    if (dueMs !== null && dueMs <= this.now()) void this.apply({ kind: 'tick' }).catch(this.onFault);
  }

  private async write(command: Command): Promise<Applied> {
    const before = this.current;
    const result = applyCommand(before, command, this.now());
    // A refusal too may have a new state: the lease ran out before the command came.
    if (result.state === before) return result;
    await this.store.save(result.state);
    this.current = result.state;
    this.onChange(result.state, before);
    return result;
  }
}
