import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createControlClient } from '../../activities/control.ts';
import { createGatewayMetrics } from '../../activities/metrics.ts';
import { createWatch } from '../../activities/watch.ts';
import type { WatchInput, WatchResult } from '../../domain/contract.ts';
import { newGuard } from '../../domain/guard.ts';
import { SteadyClock } from '../../domain/steady-clock.ts';
import { runbookPlan } from '../domain/rollout-walk.ts';

const HOUR_MS = 3_600_000;
/** Nobody listens there: each poll is blind. */
const NOBODY = 'http://127.0.0.1:1';

const plan = runbookPlan();
const INPUT: WatchInput = {
  workflowId: 'rollout/retriever',
  runId: 'run',
  epoch: 1,
  plan: { ...plan, guard: { ...plan.guard, pollMs: 50, blindAfterMs: 150, blindMaxMs: HOUR_MS / 2 } },
  candidate: 'retriever_v0',
  stable: 'v-1',
  interventions: 0,
  candidateQuality: null,
  stableQuality: null,
  stretchMs: 2_000,
  state: null,
};

/** The guard of a worker that begins now, while its gateway is away; `meanwhile` is called at each poll. */
function watching(input: WatchInput, meanwhile: () => void): Promise<WatchResult> {
  const clock = new SteadyClock(Date.now(), () => performance.now());
  const { watch } = createWatch({
    control: createControlClient({ url: NOBODY, token: { value: 'of no use' } }),
    metrics: createGatewayMetrics(NOBODY, clock.now),
    clock,
    async isAlive() {
      meanwhile();
      return true;
    },
  });
  return new MockActivityEnvironment().run(watch, input);
}

describe('a guard whose wall clock is set', () => {
  const setBy = (ms: number) => {
    const real = Date.now.bind(Date);
    vi.spyOn(Date, 'now').mockImplementation(() => real() + ms);
  };
  afterEach(() => void vi.restoreAllMocks());

  it.each([
    ['forward', HOUR_MS],
    ['back', -HOUR_MS],
  ])('%s by an hour is blind for as long as it was, and no longer', async (_, stepMs) => {
    let polls = 0;
    const result = await watching(INPUT, () => {
      if (++polls === 2) setBy(stepMs);
    });
    expect(result.event).toMatchObject({ kind: 'blind', reason: expect.stringContaining('blind for 0 s') });
  });

  it('back before its worker began goes on from the time that the worker before had read', async () => {
    const beforeMs = Date.now();
    setBy(-HOUR_MS);
    const result = await watching({ ...INPUT, state: newGuard(beforeMs) }, () => {});
    expect(result.event).toMatchObject({ kind: 'blind' });
  });
});
