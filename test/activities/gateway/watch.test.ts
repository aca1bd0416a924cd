import { afterEach, describe, expect, it, vi } from 'vitest';
import { createControlClient } from '../../../clients/gateway-client.ts';
import { createGatewayMetrics } from '../../../clients/gateway-metrics.ts';
import { packState } from '../../../activities/monitor/carried-state.ts';
import type { WatchInput } from '../../../domain/contracts/guard-activities.ts';
import { newProgress } from '../../../domain/guard/reports.ts';
import { SteadyClock } from '../../../domain/core/steady-clock.ts';
import { aPlan } from '../../support/a-plan.ts';
import { startGuard } from '../../support/guard-run.ts';
import type { GuardEvent } from '../../../domain/guard/state.ts';

const HOUR_MS = 3_600_000;
/** Nobody listens there: each poll is blind. */
const NOBODY = 'http://127.0.0.1:1';

const plan = aPlan();
const INPUT: WatchInput = {
  workflowId: 'rollout/retriever',
  runId: 'run',
  epoch: 1,
  plan: {
    ...plan,
    guard: { ...plan.guard, pollMs: 50, noTelemetryAfterMs: 150, noTelemetryMaxMs: HOUR_MS / 2 },
  },
  candidate: 'retriever_v0',
  stable: 'v-1',
  interventions: 0,
  candidateQuality: null,
  stableQuality: null,
  carried: null,
};

/** What the guard of a worker that begins now reports first, while its gateway is away; `meanwhile` is called at each poll. */
async function firstOf(input: WatchInput, meanwhile: () => void): Promise<GuardEvent | undefined> {
  const clock = new SteadyClock(Date.now(), () => performance.now());
  const guard = startGuard(
    {
      control: createControlClient({ url: NOBODY, token: { value: 'of no use' } }),
      metrics: createGatewayMetrics(NOBODY, clock.now),
      clock,
      async isAlive() {
        meanwhile();
        return true;
      },
    },
    input,
  );
  await vi.waitUntil(() => guard.reports.length > 0, { timeout: 30_000 });
  await guard.end();
  return guard.reports[0]?.event;
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
    const event = await firstOf(INPUT, () => {
      if (++polls === 2) setBy(stepMs);
    });
    expect(event).toMatchObject({
      kind: 'noTelemetry',
      reason: expect.stringContaining('no telemetry for 0 s'),
    });
  });

  it('back before its worker began goes on from the time that the worker before had read', async () => {
    const beforeMs = Date.now();
    setBy(-HOUR_MS);
    const event = await firstOf({ ...INPUT, carried: packState(newProgress('guard', beforeMs)) }, () => {});
    expect(event).toMatchObject({ kind: 'noTelemetry' });
  });
});

describe('a guard whose poll is not answered', () => {
  it('sends heartbeats all the same', async () => {
    const clock = new SteadyClock(Date.now(), () => performance.now());
    const never = (signal?: AbortSignal) =>
      new Promise<never>((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
      });
    const guard = startGuard(
      {
        control: createControlClient({ url: NOBODY, token: { value: 'of no use' } }),
        metrics: { snapshot: never, lacking: async () => [] },
        clock,
        isAlive: async () => true,
      },
      INPUT,
    );
    await vi.waitUntil(() => guard.heartbeats() >= 2, { timeout: 20_000 });
    expect(guard.heartbeats()).toBeGreaterThanOrEqual(2);
    await guard.end();
  });
});
