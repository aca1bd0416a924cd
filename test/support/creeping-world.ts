import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { SweepInput, TuningActivities, TuningRecord } from '../../domain/contracts/tuning-activities.ts';
import { FakeWorld, GOOD } from './fake-world.ts';

/** A candidate that creeps at 25 % while nprobe is over 4, and a sweep that finds so. */
export class CreepingWorld extends FakeWorld {
  /** Points of R@10 that a sweep finds lost with nprobe 4. */
  lost = -0.4;
  readonly sweeps: SweepInput[] = [];
  readonly records: TuningRecord[] = [];

  constructor() {
    super();
    this.candidate = (percent, _nowMs, { nprobe }) => ({
      ...GOOD,
      retrievalP95Ms: percent >= 25 && nprobe > 4 ? 6.5 : GOOD.retrievalP95Ms,
    });
  }

  override activities(): RolloutActivities & TuningActivities {
    return {
      ...super.activities(),
      sweepNprobe: async (input) => {
        this.sweeps.push(input);
        const trials = [
          [4, 3, this.lost],
          [8, 6.5, -0.1],
        ].map(([nprobe = 0, p95Ms = 0, deltaPoints = 0]) => ({
          nprobe,
          p95Ms,
          deltaPoints,
          recall: 1 + deltaPoints / 100,
          p50Ms: p95Ms / 2,
          deltaInterval: { low: deltaPoints - 0.1, high: deltaPoints + 0.1 },
          p95Interval: { low: p95Ms - 0.1, high: p95Ms + 0.1 },
          repeats: 4,
        }));
        return { kind: 'swept', trials, queries: 500, file: 'artifacts/tuning/sweep.json' };
      },
      fenceHolder: () => Promise.reject(new Error('a child has the fence of its rollout')),
      takeFreeEpoch: () => Promise.reject(new Error('a child has the fence of its rollout')),
      recordTuning: async (record) => void this.records.push(record),
    };
  }
}
