import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ControlClient } from '../../../clients/gateway-client.ts';
import { createFenceAcquirer } from '../../../activities/gateway/acquire-fence.ts';
import { createTuningLog } from '../../../activities/tuning/log.ts';
import type { ControlView, TakeEpoch } from '../../../domain/control/state.ts';
import { firstState } from '../../../domain/control/apply-command.ts';
import type { TuningRecord } from '../../../domain/contracts/tuning-activities.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tuning-'));
});
afterEach(() => rm(folder, { recursive: true }));

const RECORD: TuningRecord = {
  key: 'nprobeTuning/retriever/run-1',
  atMs: Date.UTC(2026, 10, 26, 14, 3),
  service: 'retriever',
  lane: 'stable',
  release: 'v0',
  before: 8,
  outcome: 'applied',
  nprobe: 4,
  reason: 'it is the smallest\nthat qualifies',
  chosen: {
    nprobe: 4,
    p95Ms: 3.2,
    deltaPoints: -0.4,
    recall: 0.996,
    p50Ms: 1,
    deltaInterval: { low: -0.6, high: -0.2 },
    p95Interval: { low: 3, high: 3.5 },
    repeats: 4,
  },
  file: 'artifacts/tuning/nprobe_sweep_20261126_140300.json',
};

describe('nprobe_tuning.md', () => {
  const log = () => createTuningLog(join(folder, 'PROD'));
  const lines = async () =>
    (await readFile(join(folder, 'PROD/nprobe_tuning.md'), 'utf8'))
      .split('\n')
      .filter((line) => line.startsWith('- '));

  it('[N7] writes one line a decision, however often it is called', async () => {
    await log().recordTuning(RECORD);
    await log().recordTuning(RECORD);
    await log().recordTuning({
      ...RECORD,
      key: 'nprobeTuning/retriever/run-2',
      outcome: 'reverted',
      nprobe: 8,
    });
    const [first, second, ...more] = await lines();
    expect(first).toMatch(
      /^- 2026-11-26 14:03 UTC, retriever, stable v0, was nprobe=8, applied: nprobe=4 \(P95=3\.20ms, ∆R@10=-0\.4pp\).*it is the smallest that qualifies; sweep: artifacts/,
    );
    expect(second).toContain('reverted');
    expect(more).toEqual([]);
  });

  it('ends a line that a kill cut short', async () => {
    await log().recordTuning(RECORD);
    const file = join(folder, 'PROD/nprobe_tuning.md');
    await writeFile(file, `${await readFile(file, 'utf8')}- 2026-11-26 14:0`);
    await log().recordTuning({ ...RECORD, key: 'nprobeTuning/retriever/run-2' });
    expect((await lines()).at(-1)).toContain('run-2 -->');
  });
});

describe('a free epoch', () => {
  /** A fence whose newest owner is this one, and the runs that Temporal knows as open. */
  function fence(owner: string, open: readonly string[]) {
    let state = { ...firstState({ release: 'v-1', flags: null }, 0), owner, epoch: 7, epochKey: 'theirs' };
    const view = (): ControlView => ({
      state,
      lanes: { stable: null, candidate: null, previous: null, spare: null },
      nowMs: 0,
      killSwitch: false,
    });
    const taken: TakeEpoch[] = [];
    const control: Pick<ControlClient, 'view' | 'takeEpoch'> = {
      view: async () => view(),
      async takeEpoch(take) {
        taken.push(take);
        state = { ...state, owner: take.owner, epoch: state.epoch + 1, epochKey: take.key };
        return { epoch: state.epoch, view: view() };
      },
    };
    const isRunning = async (workflowId: string, runId: string) => open.includes(`${workflowId}/${runId}`);
    return { taken, ...createFenceAcquirer(control as ControlClient, isRunning) };
  }
  const OURS = { owner: 'nprobeTuning/retriever/run', key: 'nprobeTuning/retriever/run/start' };

  it.each<[string, string, readonly string[]]>([
    ['nobody', 'nobody', []],
    ['a hand', 'ada', []],
    ['a rollout that has ended', 'rollout/retriever/run', []],
    ['an older run of a rollout', 'rollout/retriever/run', ['rollout/retriever/other']],
  ])('is taken from %s', async (_, owner, open) => {
    const { taken, takeFreeEpoch, fenceHolder } = fence(owner, open);
    expect(await fenceHolder()).toEqual({ kind: 'free' });
    expect(await takeFreeEpoch(OURS)).toEqual({ kind: 'taken', epoch: 8 });
    expect(taken).toEqual([{ ...OURS, expected: { owner, epoch: 7 } }]);
  });

  it('is not taken from a run that is open', async () => {
    const { taken, takeFreeEpoch } = fence('rollout/retriever/run', ['rollout/retriever/run']);
    expect(await takeFreeEpoch(OURS)).toEqual({ kind: 'held', workflowId: 'rollout/retriever', epoch: 7 });
    expect(taken).toEqual([]);
  });

  it('is ours once, however often it is asked for', async () => {
    const { taken, takeFreeEpoch } = fence('nobody', [OURS.owner]);
    await takeFreeEpoch(OURS);
    expect(await takeFreeEpoch(OURS)).toEqual({ kind: 'taken', epoch: 8 });
    expect(taken).toHaveLength(1);
  });
});
