import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import { z } from 'zod';
import { monitorCommand, monitorId } from '../../domain/alerts/input.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import { windowBetween } from '../../domain/metrics/window.ts';
import type { MetricsSource } from '../../clients/gateway-metrics.ts';
import type { PreflightCheck } from '../../domain/preflight/report.ts';

const part = z.object({ ok: z.boolean() });
const health = z.object({
  version: z.string(),
  percent: z.number(),
  ingest: part,
  search: part,
  rerank: part,
});

export interface MonitorDeps {
  /**
   * Asks Temporal whether that workflow is open, in the chain of runs that began with `firstRunId` where that is given.
   * Rejects when Temporal does not answer in time.
   */
  readonly isRunning: (workflowId: string, firstRunId?: string) => Promise<boolean>;
  /** The service whose gateway this worker changes. */
  readonly service: string;
  readonly taskQueue: string;
}

interface ObservabilityDeps extends MonitorDeps {
  readonly gatewayUrl: string;
  readonly metrics: MetricsSource;
}

/**
 * Whether the gates would have what they judge by: /health in its shape, and every metric that they need; and whether
 * somebody watches the alert rules.
 */
export async function observability(
  deps: ObservabilityDeps,
  plan: Pick<Plan, 'monitor'>,
): Promise<PreflightCheck[]> {
  return [
    await healthCheck(deps.gatewayUrl),
    await metricsCheck(deps.metrics),
    await monitorCheck(deps, plan),
  ];
}

async function healthCheck(gatewayUrl: string): Promise<PreflightCheck> {
  const name = '/health';
  const answer = await request(`${gatewayUrl}/health`, { signal: AbortSignal.timeout(5_000) });
  const body: unknown = await answer.body.json().catch(() => null);
  const parsed = health.safeParse(body);
  if (answer.statusCode !== 200 || !parsed.success)
    return {
      name,
      verdict: 'fail',
      reason: `answered ${answer.statusCode} without version, percent and parts`,
    };
  if (!parsed.data.search.ok) return { name, verdict: 'fail', reason: 'says that search is not ok' };
  return { name, verdict: 'pass', reason: `answers, version ${parsed.data.version}` };
}

/** A live gateway's clock has moved by then. */
const SOON_MS = 100;

async function metricsCheck(metrics: MetricsSource): Promise<PreflightCheck> {
  const name = '/metrics';
  const lacking = await metrics.lacking();
  if (lacking.length > 0) return { name, verdict: 'fail', reason: `lacks ${lacking.join(', ')}` };
  const opening = await metrics.snapshot();
  await pause(SOON_MS);
  const now = windowBetween(opening, await metrics.snapshot());
  if (now.kind === 'missing') return { name, verdict: 'fail', reason: now.reason };
  return { name, verdict: 'pass', reason: 'holds every metric that the gates need, and moves' };
}

/** A plan may do without the monitor: its gates and its guard still judge, but nobody is notified of what they do not watch. */
async function monitorCheck(
  { service, taskQueue, isRunning }: MonitorDeps,
  plan: Pick<Plan, 'monitor'>,
): Promise<PreflightCheck> {
  const name = 'monitor';
  const workflowId = monitorId(service);
  if (await isRunning(workflowId))
    return { name, verdict: 'pass', reason: `${workflowId} watches the alert rules` };
  return {
    name,
    verdict: plan.monitor === 'required' ? 'fail' : 'note',
    reason: `${workflowId} does not run, so nobody watches the alert rules; start it with ${monitorCommand(service, taskQueue)}`,
  };
}
