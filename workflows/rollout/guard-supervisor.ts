import type { ChildWorkflowHandle } from '@temporalio/workflow';
import { CancellationScope, condition, sleep, startChild } from '@temporalio/workflow';
import type { WatchInput } from '../../domain/contracts/guard-activities.ts';
import { readReport } from '../../domain/guard/reports.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import { PHASES } from '../../domain/rollout/phases.ts';
import type { RolloutState } from '../../domain/rollout/state.ts';
import type { rolloutGuard } from './guard.ts';
import { handOver } from './guard.ts';
import { identity } from '../runtime/identity.ts';
import type { CarriedGuard } from '../runtime/renewal.ts';
import { soleChild } from '../runtime/sole-child.ts';
import type { GuardEvent } from '../../domain/guard/state.ts';

/** A guard that was ended from outside starts again after so long, and after longer each time. */
const AGAIN_AFTER_MS = 10_000;
const AGAIN_AT_MOST_MS = 10 * 60_000;
/** A guard that does not answer by then has no worker: its activity hears of it with a heartbeat, every 16 s. */
const HANDED_OVER_WITHIN_MS = 60_000;
/** Keys of reports that are remembered: one that comes twice comes soon. */
const REMEMBERED = 50;

/** The rollout's end of its guard: sees to it that it runs, and takes up each thing that it reports once. */
export class GuardSupervisor {
  private scope: CancellationScope | null = null;
  private readonly events: GuardEvent[] = [];
  private taken: readonly string[];
  private progress: CarriedGuard['progress'];
  private child: ChildWorkflowHandle<typeof rolloutGuard> | null = null;
  private readonly beside: (event: GuardEvent) => boolean;
  private readonly lost: () => void;

  /**
   * `beside` takes an event up at once if it interrupts nothing, and says whether it did. `lost` hears that a guard was ended
   * from outside, or left behind by a reset: nobody watched for a while, or another run changed traffic meanwhile.
   */
  constructor(beside: (event: GuardEvent) => boolean, lost: () => void, carried: CarriedGuard | null) {
    this.beside = beside;
    this.lost = lost;
    this.progress = carried?.progress ?? null;
    this.taken = carried?.taken ?? [];
  }

  carried(): CarriedGuard {
    return { progress: this.progress, taken: this.taken };
  }

  hasEvent(): boolean {
    return this.events.length > 0;
  }

  /** The oldest event that has not been taken up yet, once. */
  take(): GuardEvent | null {
    return this.events.shift() ?? null;
  }

  /** What came with a signal: anything. A guard of another rollout, or of another epoch, says nothing here. */
  hear(payload: unknown, epoch: number | null): void {
    const report = readReport(payload);
    if (report === null || report.epoch !== epoch || this.taken.includes(report.key)) return;
    this.taken = [...this.taken, report.key].slice(-REMEMBERED);
    if (!this.beside(report.event)) this.events.push(report.event);
  }

  /** Sees to it that the guard runs exactly while it has something to watch. */
  follow(plan: Plan, state: RolloutState): void {
    const wanted = state.t0Ms !== null && !PHASES[state.phase].isFinal;
    if (!wanted) this.stop();
    else if (this.scope === null) this.start(plan, state);
  }

  stop(): void {
    this.scope?.cancel();
    this.scope = null;
  }

  /** The guard ends, and leaves its state to the next run; where `urgent` comes in between, it starts again with that. */
  async leave(urgent: () => boolean): Promise<void> {
    if (this.child === null) return this.stop();
    // One that was just ended has nothing to leave.
    await this.child.signal(handOver).catch(() => {});
    await condition(() => this.child === null || urgent(), HANDED_OVER_WITHIN_MS);
    if (!urgent()) this.stop();
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
    };
    const scope = new CancellationScope();
    this.scope = scope;
    const guardId = `${workflowId}/guard`;
    const watch = async () => {
      const args: [WatchInput] = [{ ...input, carried: this.progress }];
      const child = await soleChild(
        guardId,
        () =>
          startChild<typeof rolloutGuard>('rolloutGuard', {
            workflowId: guardId,
            args,
            staticSummary: `watches ${state.candidate} for emergencies`,
          }),
        this.lost,
      );
      this.progress = null;
      this.child = child;
      try {
        this.progress = await child.result();
      } finally {
        this.child = null;
      }
    };
    const going = () => !scope.consideredCancelled && this.scope === scope;
    scope.run(() => again(going, watch, this.lost)).catch(() => {}); // It ends as cancelled.
  }
}

/** No rollout goes unwatched because somebody ended its guard. */
async function again(going: () => boolean, watch: () => Promise<void>, lost: () => void): Promise<void> {
  for (let againMs = AGAIN_AFTER_MS; ; againMs = Math.min(againMs * 2, AGAIN_AT_MOST_MS)) {
    try {
      await watch();
    } catch {
      if (going()) lost();
    }
    if (!going()) return;
    await sleep(againMs, { summary: 'the guard was ended from outside: another starts' });
  }
}
