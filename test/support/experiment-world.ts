import { activityInfo } from '@temporalio/activity';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { Flags, LaneStatus } from '../../domain/control/state.ts';
import type { Arm, ArmCounts } from '../../domain/experiment/analysis.ts';
import type { ExperimentActivities } from '../../domain/contracts/experiment-activities.ts';
import type { ExperimentReport } from '../../domain/experiment/report.ts';
import type { TuningActivities } from '../../domain/contracts/tuning-activities.ts';
import { FakeWorld } from './fake-world.ts';
import type { ArmsReading } from '../../domain/experiment/arm-totals.ts';

const FLAGS: Flags = { impl: 'amn_v0', reranker: 'on', nprobe: 8 };

/** A world whose users give feedback, and whose arms count as the real fence sets them up. */
export class ExperimentWorld extends FakeWorld {
  /** Share of the requests that get feedback. */
  feedbackShare = 0.05;
  /** Share of the feedback that names the first result, by arm; the rest names none of the ten. */
  firstShare: Record<Arm, number> = { on: 0.6, off: 0.5 };
  /** What of an arm's users really comes to it; 1: all. */
  arrives: Record<Arm, number> = { on: 1, off: 1 };
  reranker: Flags['reranker'] = 'on';
  /** A workflow that still runs and holds the fence. */
  heldBy: string | null = null;
  readonly reports: ExperimentReport[] = [];
  private counts: Record<Arm, ArmCounts> = { on: none(), off: none() };
  private readMs = 0;
  private requests = 0;
  private readonly feedback = () => Math.round(this.requests * this.feedbackShare);

  override activities(): RolloutActivities & ExperimentActivities & Pick<TuningActivities, 'takeFreeEpoch'> {
    const plain = super.activities();
    return {
      ...plain,
      control: async () => {
        const view = await plain.control();
        return { ...view, lanes: { ...view.lanes, stable: this.stableLane() } };
      },
      takeFreeEpoch: async ({ owner, key }) => {
        if (this.heldBy !== null) return { kind: 'held', workflowId: this.heldBy, epoch: this.state.epoch };
        return { kind: 'taken', epoch: (await plain.takeEpoch({ owner, key })).epoch };
      },
      readArms: async () => this.arms(activityInfo().currentAttemptScheduledTimestampMs),
      writeExperimentReport: async (report) => {
        this.reports.push(report);
        return { files: [`artifacts/experiments/${report.name}.json`] };
      },
    };
  }

  /** The gateway's process dies: all it counted is gone, what it kept on disk is not. */
  loseCounters(): void {
    this.processStartMs++;
    this.counts = { on: none(), off: none() };
    this.requests = 0;
  }

  private arms(nowMs: number): ArmsReading {
    if (this.metricsGone) return { kind: 'missing', reason: 'connection refused' };
    const came = this.readMs === 0 ? 0 : Math.round((this.qps * (nowMs - this.readMs)) / 1000);
    this.readMs = nowMs;
    this.requests += came;
    const { experiment, epoch } = this.state;
    if (experiment !== null)
      for (const arm of ['on', 'off'] as const) {
        const share = arm === 'off' ? experiment.offPercent / 100 : 1 - experiment.offPercent / 100;
        this.serve(arm, Math.round(came * share * this.arrives[arm]));
      }
    return {
      kind: 'arms',
      service: 'retriever',
      takenAtMs: nowMs,
      processStartMs: this.processStartMs,
      uptimeMs: nowMs,
      epoch,
      experiment: experiment?.name ?? null,
      arms: this.counts,
      requests: this.requests,
      feedback: this.feedback(),
    };
  }

  private serve(arm: Arm, requests: number): void {
    const heard = Math.round(requests * this.feedbackShare);
    const first = Math.round(heard * this.firstShare[arm]);
    const { ranks, ...before } = this.counts[arm];
    this.counts = {
      ...this.counts,
      [arm]: {
        ...before,
        requests: before.requests + requests,
        keys: before.keys + Math.round(requests / 10),
        ranks: ranks.with(0, (ranks[0] ?? 0) + first).with(10, (ranks[10] ?? 0) + heard - first),
      },
    };
  }

  private stableLane(): LaneStatus {
    return {
      release: this.state.lanes.stable.release,
      flags: { ...FLAGS, reranker: this.reranker },
      state: 'ready',
      url: null,
      pid: 1,
      restarts: 0,
      notReadySinceMs: null,
      breaker: 'closed',
      failure: null,
    };
  }
}

function none(): ArmCounts {
  return { requests: 0, errors: 0, ranks: Array.from({ length: 11 }, () => 0), keys: 0 };
}
