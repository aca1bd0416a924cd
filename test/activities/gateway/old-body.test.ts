import { createServer } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createBaseline } from '../../../activities/rollback/baseline.ts';
import { createControlClient } from '../../../clients/gateway-client.ts';
import { createGatewayMetrics } from '../../../clients/gateway-metrics.ts';
import { createMonitor } from '../../../activities/monitor/monitor.ts';
import { observability } from '../../../activities/preflight/observability-check.ts';
import type { AlertReport } from '../../../domain/alerts/reports.ts';
import type { GuardProgress } from '../../../domain/guard/reports.ts';
import type { Packed } from '../../../domain/core/packed.ts';
import { reduce } from '../../../domain/rollout/reduce.ts';
import { newRollout } from '../../../domain/rollout/state.ts';
import { SteadyClock } from '../../../domain/core/steady-clock.ts';
import { shippedRules } from '../../support/alert-polls.ts';
import { aPlan } from '../../support/a-plan.ts';
import type { GuardRun } from '../../support/guard-run.ts';
import { startGuard } from '../../support/guard-run.ts';
import type { TestGateway } from '../../support/gateway-process.ts';
import { createTestGateway, oldAndNew } from '../../support/gateway-process.ts';

/** A cache in front of a real gateway: while it is stuck it answers /metrics with the body that it has. */
let stuck = false;
let scrapes = 0;
let body = '';
let gateway: TestGateway;
let releases = '';
let cacheUrl = '';
const cache = createServer((asked, response) => {
  void (async () => {
    const isMetrics = asked.url === '/metrics';
    if (isMetrics) scrapes++;
    const answer = isMetrics && stuck ? body : await (await request(gateway.url() + asked.url)).body.text();
    if (isMetrics) body = answer;
    response.writeHead(200).end(answer);
  })();
});

const clock = new SteadyClock(Date.now(), () => performance.now());
const plan = aPlan();
const guard = { ...plan.guard, pollMs: 50, noTelemetryAfterMs: 500, leaseTtlMs: 60_000 };
let epoch = 0;

beforeAll(async () => {
  ({ releases } = await oldAndNew());
  gateway = await createTestGateway(releases);
  await gateway.start();
  await new Promise<void>((resolve) => cache.listen(0, '127.0.0.1', resolve));
  const address = cache.address();
  cacheUrl = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  await gateway.share(0);
  const taken = await gateway.control('POST', '/control/epoch', {
    owner: 'rollout',
    key: 'rollout/start',
    expected: { owner: (await view()).state.owner, epoch: (await view()).state.epoch },
  });
  ({ epoch } = taken.body);
  const { interventions } = (await view()).state;
  const raise = { epoch, interventions, step: 'raise', by: 'rollout', percent: 5 };
  const lease = { ttlMs: guard.leaseTtlMs, onExpiry: 'zero' };
  const raised = await gateway.control('PUT', '/control', { ...raise, lease });
  if (raised.status !== 200) throw new Error(JSON.stringify(raised.body));
});
afterAll(async () => {
  cache.closeAllConnections();
  cache.close();
  await gateway.close();
  await rm(releases, { recursive: true });
});

async function view() {
  return gateway.until(() => true);
}

async function parts() {
  const token = { value: (await readFile(join(gateway.folder, 'token'), 'utf8')).trim() };
  return {
    control: createControlClient({ url: gateway.controlUrl(), token }),
    metrics: createGatewayMetrics(cacheUrl, clock.now),
    clock,
    isAlive: async () => true,
    isRunning: async () => true,
  };
}

/** A guard of that rollout, with what one before it has seen. */
async function startWatch(carried: Packed<GuardProgress> | null): Promise<GuardRun> {
  const { interventions } = (await view()).state;
  return startGuard(await parts(), {
    workflowId: 'rollout/retriever',
    runId: 'run',
    epoch,
    plan: { ...plan, guard },
    candidate: 'v0',
    stable: 'v-1',
    interventions,
    candidateQuality: null,
    stableQuality: null,
    carried,
  });
}

const leaseEnds = async () => (await view()).state.lease?.expiresAtMs ?? 0;

describe('a gateway whose /metrics go on answering with an old body', () => {
  it('blinds the guard, which then renews no lease; it sees again with the first live body', async () => {
    stuck = false;
    const before = await leaseEnds();
    const guarding = await startWatch(null);
    await vi.waitUntil(async () => (await leaseEnds()) > before, { timeout: 30_000 });
    expect(guarding.reports).toEqual([]);

    stuck = true;
    await vi.waitUntil(() => guarding.reports.length > 0, { timeout: 30_000 });
    expect(guarding.reports[0]?.event).toMatchObject({
      kind: 'noTelemetry',
      reason: expect.stringContaining('the metrics stand still'),
    });
    const [ends, polls] = [await leaseEnds(), scrapes];
    await vi.waitUntil(() => scrapes > polls + 10, { timeout: 30_000 });
    expect(await leaseEnds()).toBe(ends);

    stuck = false;
    const after = await startWatch(await guarding.end());
    await vi.waitUntil(async () => (await leaseEnds()) > ends, { timeout: 30_000 });
    await after.end();
    expect(after.reports).toEqual([]);
  });

  it('makes a gate unknown, and stable has no baseline', async () => {
    stuck = false;
    const { metrics } = await parts();
    const opening = await metrics.snapshot();
    stuck = true;
    const closing = await metrics.snapshot();
    const measuring = {
      ...newRollout('retriever', 'v0', 0),
      phase: 'closeWindow',
      t0Ms: 1,
      percent: 5,
      reached: 0,
    } as const;
    const event = { kind: 'snapshot', result: closing } as const;
    const { state } = reduce(plan, { ...measuring, opening }, event, clock.now());
    expect(state.judgement).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('the metrics stand still'),
    });
    const artifacts = await mkdtemp(join(tmpdir(), 'baseline-'));
    try {
      await createBaseline(artifacts).recordBaseline({ release: 'v-1', opening, closing });
      const file = await readFile(join(artifacts, 'eval', 'baseline_metrics.json'), 'utf8');
      expect(JSON.parse(file)).toMatchObject({
        kind: 'missing',
        reason: expect.stringContaining('stand still'),
      });
    } finally {
      await rm(artifacts, { recursive: true });
    }
  });

  it('is an alert of the monitor', async () => {
    stuck = false;
    const rules = {
      ...shippedRules(),
      pollMs: 50,
      noTelemetry: { afterMs: 500, severity: 'critical' },
    } as const;
    const reports: AlertReport[] = [];
    const { watchAlerts } = createMonitor({
      ...(await parts()),
      service: 'retriever',
      plansDir: 'plans',
      expectedShare: async () => null,
      evaluations: async () => ({ kind: 'evaluations', records: [] }),
      signal: async (_id, _name, report) => void reports.push(report as AlertReport),
    });
    const activity = new MockActivityEnvironment();
    const watching: ReturnType<typeof watchAlerts> = activity.run(watchAlerts, {
      service: 'retriever',
      rules,
      carried: null,
      stretchMs: 60_000,
    });
    watching.catch(() => {}); // It ends as cancelled.
    const polls = scrapes;
    await vi.waitUntil(() => scrapes > polls + 3, { timeout: 30_000 });
    stuck = true;
    await vi.waitUntil(() => reports.some(({ events }) => events.length > 0), { timeout: 30_000 });
    activity.cancel();
    expect(reports.flatMap(({ events }) => events)).toMatchObject([{ kind: 'fired', key: 'blind' }]);
  });

  it('is refused by the pre-flight', async () => {
    stuck = false;
    const checked = async () =>
      (
        await observability(
          { ...(await parts()), service: 'retriever', taskQueue: 'q', gatewayUrl: cacheUrl },
          { monitor: null },
        )
      ).find(({ name }) => name === '/metrics');
    expect(await checked()).toMatchObject({ verdict: 'pass' });
    stuck = true;
    expect(await checked()).toMatchObject({
      verdict: 'fail',
      reason: expect.stringContaining('stand still'),
    });
  });
});
