import { request } from 'undici';
import { z } from 'zod';
import type { PreflightCheck } from '../domain/contract.ts';
import type { MetricsSource } from './metrics.ts';

const part = z.object({ ok: z.boolean() });
const health = z.object({
  version: z.string(),
  percent: z.number(),
  ingest: part,
  search: part,
  rerank: part,
});

/** Whether the gates would have what they judge by: /health in its shape, and every metric that they need. */
export async function observability(gatewayUrl: string, metrics: MetricsSource): Promise<PreflightCheck[]> {
  return [await healthCheck(gatewayUrl), await metricsCheck(metrics)];
}

async function healthCheck(gatewayUrl: string): Promise<PreflightCheck> {
  const name = '/health';
  const answer = await request(`${gatewayUrl}/health`, { signal: AbortSignal.timeout(5_000) });
  const body: unknown = await answer.body.json().catch(() => null);
  const parsed = health.safeParse(body);
  if (answer.statusCode !== 200 || !parsed.success)
    return {
      name,
      verdict: 'red',
      reason: `answered ${answer.statusCode} without version, percent and parts`,
    };
  if (!parsed.data.search.ok) return { name, verdict: 'red', reason: 'says that search is not ok' };
  return { name, verdict: 'green', reason: `answers, version ${parsed.data.version}` };
}

async function metricsCheck(metrics: MetricsSource): Promise<PreflightCheck> {
  const name = '/metrics';
  const lacking = await metrics.lacking();
  if (lacking.length > 0) return { name, verdict: 'red', reason: `lacks ${lacking.join(', ')}` };
  return { name, verdict: 'green', reason: 'holds every metric that the gates need' };
}
