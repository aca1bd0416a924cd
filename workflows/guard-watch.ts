import { CancellationScope, executeChild, sleep } from '@temporalio/workflow';
import type { WatchResult } from '../domain/contract.ts';
import type { GuardEvent, GuardState } from '../domain/guard.ts';
import { goesOn } from '../domain/guard.ts';
import type { Plan } from '../domain/plan.ts';
import type { RolloutState } from '../domain/rollout-state.ts';
import type { rolloutGuard } from './guard.ts';
import { identity } from './identity.ts';
import { soleChild } from './sole-child.ts';

/** A guard that was ended from outside starts again after so long, and after longer each time. */
const AGAIN_AFTER_MS = 10_000;
const AGAIN_AT_MOST_MS = 10 * 60_000;

/** The rollout's end of its guard: starts it when users come to the candidate, and again after each event. */
export class GuardWatch {
  private scope: CancellationScope | null = null;
  private event: GuardEvent | null = null;
  private carried: GuardState | null = null;
  private readonly beside: (event: GuardEvent) => boolean;
  private readonly lost: () => void;

  /**
   * `beside` takes an event up at once if it interrupts nothing, and says whether it did. `lost` hears that a guard was ended
   * from outside, or left behind by a reset: nobody watched for a while, or another run changed traffic meanwhile.
   */
  constructor(beside: (event: GuardEvent) => boolean, lost: () => void) {
    this.beside = beside;
    this.lost = lost;
  }

  hasEvent(): boolean {
    return this.event !== null;
  }

  /** The event that has not been taken up yet, once. */
  take(): GuardEvent | null {
    const { event } = this;
    this.event = null;
    return event;
  }

  /** Sees to it that the guard runs exactly while it has something to watch. */
  follow(plan: Plan, state: RolloutState): void {
    const wanted = state.t0Ms !== null && state.phase !== 'rollback' && state.phase !== 'done';
    if (!wanted) this.stop();
    else if (this.scope === null && this.event === null) this.start(plan, state);
  }

  stop(): void {
    this.scope?.cancel();
    this.scope = null;
  }

  private start(plan: Plan, state: RolloutState): void {
    const { workflowId, runId } = identity();
    const input = {
      workflowId,
      runId,
      epoch: state.epoch ?? 0,
      plan,
      candidate: state.candidate,
      stable: state.report?.stable ?? '',
      interventions: state.interventionsSeen,
      candidateQuality: state.report?.candidateQuality ?? null,
      stableQuality: state.report?.stableQuality ?? null,
      state: this.carried,
    };
    const scope = new CancellationScope();
    this.scope = scope;
    const guardId = `${workflowId}/guard`;
    const watch = () =>
      executeChild<typeof rolloutGuard>('rolloutGuard', {
        workflowId: guardId,
        args: [input],
        staticSummary: `watches ${state.candidate} for emergencies`,
      });
    scope
      .run(() => untilAnswered(scope, () => soleChild(guardId, watch, this.lost), this.lost))
      .then(
        (result) => this.ended(scope, result),
        () => this.ended(scope, null),
      );
  }

  /** With an event; or without, when it was stopped. */
  private ended(scope: CancellationScope, result: WatchResult | null): void {
    if (this.scope !== scope) return;
    this.scope = null;
    const event = result?.event ?? null;
    this.carried = event !== null && goesOn(event) ? (result?.state ?? null) : null;
    if (event !== null && !this.beside(event)) this.event = event;
  }
}

/** No rollout goes unwatched because somebody ended its guard. */
async function untilAnswered(
  scope: CancellationScope,
  watch: () => Promise<WatchResult>,
  lost: () => void,
): Promise<WatchResult> {
  for (let againMs = AGAIN_AFTER_MS; ; againMs = Math.min(againMs * 2, AGAIN_AT_MOST_MS)) {
    try {
      return await watch();
    } catch (error) {
      if (scope.consideredCancelled) throw error;
      lost();
      await sleep(againMs, { summary: 'the guard was ended from outside: another starts' });
    }
  }
}
