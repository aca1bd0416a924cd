import {
  CancellationScope,
  defineQuery,
  isCancellation,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { ControlView, Flags } from '../../domain/control/state.ts';
import { describeCanary, evaluateCanary, withUsers } from '../../domain/tuning/canary.ts';
import { chooseNprobe } from '../../domain/tuning/choose-nprobe.ts';
import { describeChoice, formatTrial } from '../../domain/tuning/describe-choice.ts';
import type { NprobeTuningResult, TuningRequest } from '../../domain/tuning/input.ts';
import type { TuningStatus } from '../../domain/tuning/status.ts';
import { newTuning, tuningMarkdown } from '../../domain/tuning/status.ts';
import type { LaneWindow } from '../../domain/metrics/window.ts';
import { activities, permanentReason } from '../runtime/activities.ts';
import { watchWindow } from './canary-window.ts';
import { hearOnce } from '../runtime/hear-once.ts';
import { identity } from '../runtime/identity.ts';
import { INTERRUPTED, unlessUrgent } from '../runtime/interruptible.ts';
import { tuningActivities } from './activities.ts';

type Outcome = NprobeTuningResult['outcome'];

/** What was changed, as it has to be undone. */
interface Applied {
  readonly epoch: number;
  readonly flags: Flags;
  readonly from: number;
}

/** One tuning: looks, sweeps, chooses, changes, judges; reverts its change on request, or when cancelled. */
export class TuningRun {
  private readonly order: TuningRequest;
  private readonly calls = {
    ...activities((what, reason) => this.isPatient(what, reason)),
    ...tuningActivities((what, reason) => this.isPatient(what, reason)),
  };
  private readonly owner: string;
  /** Idempotency key of all that this run does. */
  private readonly key: string;
  private status: TuningStatus;
  private applied: Applied | null = null;
  /** Why it is to stop, once somebody said so. */
  private stop: string | null = null;

  constructor(order: TuningRequest) {
    const { workflowId, runId } = identity();
    this.order = order;
    this.key = `${workflowId}/${runId}`;
    this.owner = order.held?.owner ?? this.key;
    this.status = newTuning(order);
    setHandler(defineQuery<TuningStatus>('status'), () => this.status, {
      description: 'Where the tuning stands, with its trials',
    });
    hearOnce(['rollback'], 'the lane gets its nprobe back', () => {
      this.stop ??= 'a rollback was asked for';
    });
  }

  async run(): Promise<NprobeTuningResult> {
    const result = await this.attempt().catch((error: unknown) => {
      const why = isCancellation(error) ? 'the tuning was cancelled' : permanentReason(error);
      if (!isCancellation(error) && this.applied === null) return this.end('hold', null, why);
      return CancellationScope.nonCancellable(() => this.giveUp(why));
    });
    this.show({ state: result.outcome, reason: result.reason, outcome: result.outcome });
    await CancellationScope.nonCancellable(() => this.report(result));
    return result;
  }

  /** What it changed has to be undone or proven, so that is tried on; before, a call that goes on failing is its end. */
  private isPatient(what: string, reason: string): boolean {
    const { applied, key, order } = this;
    if (applied === null) return false;
    const title = `nprobe tuning of ${order.lane} is late`;
    const dedupeKey = `${key}/late/${Date.now()}`;
    void activities()
      .notify({ severity: 'critical', title, text: `${what} does not get through: ${reason}`, dedupeKey })
      .catch(() => {});
    return true;
  }

  private async attempt(): Promise<NprobeTuningResult> {
    const { order, calls } = this;
    const lane = laneOf(await calls.control(), order);
    if (typeof lane === 'string') return this.end('hold', null, lane);
    this.show({ release: lane.release, nprobe: lane.flags.nprobe });
    const holder = order.held === null && order.apply ? await calls.fenceHolder() : null;
    if (holder?.kind === 'held') return this.refused(holder.workflowId, holder.epoch);

    this.show({ state: 'sweeping' });
    const { nprobes, priority, targetMs } = order;
    const swept = await unlessUrgent(
      () => this.stop !== null,
      () =>
        calls
          .sweepNprobe({ ...lane, lane: order.lane, nprobes, priority, targetMs, name: sweepName() })
          .catch((error: unknown) => ({ kind: 'missing' as const, reason: permanentReason(error) })),
    );
    if (swept === INTERRUPTED) return this.giveUp(this.stop ?? '');
    if (swept.kind === 'missing') return this.end('hold', null, swept.reason);
    const choice = chooseNprobe(swept.trials, priority, targetMs);
    this.show({ trials: swept.trials, file: swept.file, reason: describeChoice(choice) });
    if (choice.kind === 'hold')
      return this.end(
        'hold',
        null,
        `${describeChoice(choice)}; Pareto: ${choice.pareto.map(formatTrial).join(', ')}`,
      );
    this.show({ chosen: choice.nprobe });
    if (choice.nprobe === lane.flags.nprobe)
      return this.end('unchanged', choice.nprobe, describeChoice(choice));
    if (!order.apply)
      return this.end(
        'unchanged',
        choice.nprobe,
        `${describeChoice(choice)}; not applied, as nobody asked for it`,
      );
    return this.change(lane, choice.nprobe, describeChoice(choice));
  }

  /** The mini-canary: a window of the lane as it is, the change, a window after it. */
  private async change(
    { release, flags }: { release: string; flags: Flags },
    nprobe: number,
    why: string,
  ): Promise<NprobeTuningResult> {
    const { calls, order } = this;
    this.show({ state: 'measuring before the change' });
    const before = await this.window(withUsers);
    if (this.stop !== null) return this.giveUp(this.stop);
    if (before === null)
      return this.end('hold', null, `${why}; not applied: too few users to judge the change by`);
    // Somebody may have changed the lane meanwhile.
    const now = laneOf(await calls.control(), order);
    if (typeof now === 'string' || now.release !== release || now.flags.nprobe !== flags.nprobe)
      return this.end('hold', null, `${why}; not applied: the lane is not as it was swept any more`);
    const refusal = await this.apply(now.flags, nprobe);
    if (refusal !== null) return refusal;

    this.show({ state: `measuring with nprobe ${nprobe}` });
    const change = { from: flags.nprobe, to: nprobe, targetMs: order.targetMs };
    let last = '';
    const verdict = await this.window((lane) => {
      const judged = evaluateCanary(before, lane, change);
      last = describeCanary(judged, lane);
      return judged.verdict === 'inconclusive' ? null : judged.verdict;
    });
    if (this.stop !== null) return this.giveUp(this.stop);
    if (verdict === 'pass') return this.end('applied', nprobe, `${why}; ${last}`);
    return this.revertNprobe(verdict === null ? `it could not be proven in time: ${last}` : last);
  }

  /** Null when the lane has the new nprobe. Not interrupted: what is in flight would come after its undoing. */
  private async apply(flags: Flags, nprobe: number): Promise<NprobeTuningResult | null> {
    return CancellationScope.nonCancellable(async () => {
      const { held } = this.order;
      const epoch = held ?? (await this.calls.takeFreeEpoch({ owner: this.owner, key: `${this.key}/start` }));
      if ('kind' in epoch && epoch.kind === 'held') return this.refused(epoch.workflowId, epoch.epoch);
      this.applied = { epoch: epoch.epoch, flags, from: flags.nprobe };
      const refusal = await this.setNprobe(nprobe, 'apply');
      if (refusal !== null) this.applied = null;
      return refusal;
    });
  }

  private async setNprobe(nprobe: number, step: 'apply' | 'revert'): Promise<NprobeTuningResult | null> {
    const { applied, order } = this;
    if (applied === null) return null;
    const flags = { ...applied.flags, nprobe };
    try {
      const result = await this.calls.changeTraffic({
        epoch: applied.epoch,
        // With the time: what is decided again after a reset is not what was done before it.
        step: `${this.key}/${step}/${Date.now()}`,
        by: this.key,
        reason: `nprobe ${applied.from} -> ${nprobe}`,
        commands: [{ kind: 'setFlags', lane: order.lane, flags }],
      });
      if (result.kind === 'done') return null;
      const { kind, reason } = result.refusal;
      return this.end(kind === 'staleEpoch' ? 'superseded' : 'hold', null, reason);
    } catch (error) {
      return this.end('hold', null, permanentReason(error));
    }
  }

  private async revertNprobe(why: string): Promise<NprobeTuningResult> {
    const { applied } = this;
    if (applied === null) return this.end('unchanged', null, why);
    const refusal = await CancellationScope.nonCancellable(() => this.setNprobe(applied.from, 'revert'));
    return refusal ?? this.end('reverted', applied.from, why);
  }

  /** Somebody wants it to end: what it changed is undone, and what it did not change stays. */
  private giveUp(why: string): Promise<NprobeTuningResult> {
    return this.revertNprobe(this.applied === null ? `${why}; nothing was changed yet` : why);
  }

  private refused(workflowId: string, epoch: number): NprobeTuningResult {
    const reason = `refused: ${workflowId} runs and holds the fence (epoch ${epoch}); tune once it has ended, or let it start the tuning`;
    return this.end('hold', null, reason);
  }

  private end(outcome: Outcome, nprobe: number | null, reason: string): NprobeTuningResult {
    return { outcome, nprobe, reason };
  }

  private window<T>(judge: (lane: LaneWindow | null) => T | null): Promise<T | null> {
    const { lane } = this.order;
    return watchWindow(this.calls, lane, () => this.stop !== null, judge);
  }

  private show(known: Partial<TuningStatus>): void {
    this.status = { ...this.status, ...known };
    setCurrentDetails(tuningMarkdown(this.status));
  }

  /** The decision for people, beside the result; neither waits for the other. */
  private async report(result: NprobeTuningResult): Promise<void> {
    const { status, order, calls, key } = this;
    const reports: Promise<unknown>[] = [];
    if (status.trials.length > 0 && status.release !== null && status.nprobe !== null)
      reports.push(
        calls.recordTuning({
          ...result,
          key: `${key}/${Date.now()}`,
          atMs: Date.now(),
          service: order.service,
          lane: order.lane,
          release: status.release,
          before: status.nprobe,
          chosen: status.trials.find(({ nprobe }) => nprobe === status.chosen) ?? null,
          file: status.file,
        }),
      );
    // A rollout says itself what became of its ladder's step.
    if (order.held === null && (result.outcome === 'hold' || result.outcome === 'reverted'))
      reports.push(
        calls.notify({
          severity: 'warning',
          title: `nprobe tuning of ${order.lane} ${status.release ?? ''}: ${result.outcome}`,
          text: result.reason,
          dedupeKey: `${key}/${result.outcome}/${Date.now()}`,
        }),
      );
    await Promise.all(reports.map((one) => one.catch(() => {})));
  }
}

/** The release and effective flags of the lane, or why it cannot be swept. */
function laneOf(
  { lanes }: ControlView,
  { lane }: TuningRequest,
): { readonly release: string; readonly flags: Flags } | string {
  const status = lanes[lane];
  if (status === null) return `there is no ${lane} lane`;
  if (status.state !== 'ready') return `the ${lane} lane (${status.release}) is ${status.state}`;
  return { release: status.release, flags: status.flags };
}

/** The runbook's name with the time, so that a second sweep of a day does not replace the first. */
function sweepName(): string {
  const began = workflowInfo().startTime.toISOString();
  return `nprobe_sweep_${began.slice(0, 10).replaceAll('-', '')}_${began.slice(11, 19).replaceAll(':', '')}`;
}
