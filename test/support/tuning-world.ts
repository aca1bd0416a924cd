import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { Flags } from '../../domain/control/state.ts';
import type { Command } from '../../domain/control/apply-command.ts';
import type { applyCommand } from '../../domain/control/apply-command.ts';
import type { TrialSummary } from '../../domain/tuning/choose-nprobe.ts';
import type {
  SweepResult,
  TuningActivities,
  TuningRecord,
} from '../../domain/contracts/tuning-activities.ts';
import type { Behaviour } from './fake-world.ts';
import { FakeWorld, GOOD } from './fake-world.ts';

const DEFAULTS: Flags = { impl: 'gru_v0', reranker: 'off', nprobe: 8 };
/** The runbook's own example. */
const RUNBOOK: Readonly<Record<number, readonly [p95Ms: number, deltaPoints: number]>> = {
  4: [3.2, -1.2],
  8: [4.8, -0.3],
  12: [7.1, -0.1],
  16: [10.5, 0],
};

/** A world whose stable lane is as fast as its nprobe, with a sweep that finds the runbook's numbers. */
export class TuningWorld extends FakeWorld {
  /** What a lane at that nprobe does besides being as fast as the sweep says. */
  flaw: (nprobe: number) => Partial<Behaviour> = () => ({});
  /** Workflows that still run, by id. */
  readonly running = new Set<string>();
  readonly records: TuningRecord[] = [];
  sweeps = 0;
  sweepFails: string | null = null;
  /** Called while a sweep runs. */
  duringSweep: () => Promise<void> | void = () => {};

  constructor() {
    super();
    this.behave();
  }

  nprobe(): number {
    return (this.state.lanes.stable.flags ?? DEFAULTS).nprobe;
  }

  override command(command: Command, nowMs: number): ReturnType<typeof applyCommand> {
    const applied = super.command(command, nowMs);
    this.behave();
    return applied;
  }

  private behave(): void {
    const nprobe = this.nprobe();
    this.stable = { ...GOOD, retrievalP95Ms: RUNBOOK[nprobe]?.[0] ?? 1, ...this.flaw(nprobe) };
  }

  override activities(): RolloutActivities & TuningActivities {
    const plain = super.activities();
    return {
      ...plain,
      control: async () => {
        const view = await plain.control();
        const lane = (spec: { release: string; flags: Flags | null } | null) =>
          spec === null
            ? null
            : {
                release: spec.release,
                flags: spec.flags ?? DEFAULTS,
                state: 'ready' as const,
                url: null,
                pid: 1,
                restarts: 0,
                notReadySinceMs: null,
                breaker: 'closed' as const,
                failure: null,
              };
        const { stable, candidate } = this.state.lanes;
        return { ...view, lanes: { ...view.lanes, stable: lane(stable), candidate: lane(candidate) } };
      },
      sweepNprobe: async ({ nprobes, name }) => {
        this.sweeps++;
        await this.duringSweep();
        if (this.sweepFails !== null) return { kind: 'missing', reason: this.sweepFails };
        return sweep(nprobes, name);
      },
      fenceHolder: async () => this.holder(),
      takeFreeEpoch: async ({ owner, key }) => {
        const holder = this.holder();
        if (holder.kind === 'held') return holder;
        return { kind: 'taken', epoch: (await plain.takeEpoch({ owner, key })).epoch };
      },
      recordTuning: async (record) => void this.records.push(record),
    };
  }

  private holder() {
    const { owner, epoch } = this.state;
    const workflowId = owner.slice(0, owner.lastIndexOf('/'));
    return this.running.has(workflowId)
      ? ({ kind: 'held', workflowId, epoch } as const)
      : ({ kind: 'free' } as const);
  }
}

function sweep(nprobes: readonly number[], name: string): SweepResult {
  const trials = nprobes.map((nprobe): TrialSummary => {
    const [p95Ms, deltaPoints] = RUNBOOK[nprobe] ?? [1, -5];
    return {
      nprobe,
      p95Ms,
      deltaPoints,
      recall: 1 + deltaPoints / 100,
      p50Ms: p95Ms / 2,
      deltaInterval: { low: deltaPoints - 0.1, high: deltaPoints + 0.1 },
      p95Interval: { low: p95Ms - 0.1, high: p95Ms + 0.1 },
      repeats: 4,
    };
  });
  return { kind: 'swept', trials, queries: 500, file: `artifacts/tuning/${name}.json` };
}
