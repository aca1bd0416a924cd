import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { observability } from '../../../activities/preflight/observability-check.ts';
import { snapshot } from '../../support/lane-traffic.ts';
import type { TestServer } from '../../support/http-server.ts';
import { startServer } from '../../support/http-server.ts';
import type { PreflightCheck } from '../../../domain/preflight/report.ts';

const OK = { ok: true };
const HEALTH = { version: 'v-1', percent: 0, ingest: OK, search: OK, rerank: OK };

let gateway: TestServer;
let health: object = HEALTH;
let lacking: string[] = [];
let asked: string[] = [];
let readAtMs = 0;
beforeEach(async () => {
  [health, lacking, asked] = [HEALTH, [], []];
  gateway = await startServer(() => ({ status: 200, body: health }));
});
afterEach(() => gateway.close());

/** Names and verdicts of the checks, with the reason of the last. */
async function checked(monitorRuns: boolean, monitor: 'required' | null): Promise<PreflightCheck[]> {
  return observability(
    {
      service: 'ads',
      taskQueue: 'ads-rollout',
      gatewayUrl: gateway.url,
      metrics: { lacking: async () => lacking, snapshot: async () => snapshot(readAtMs++, null, null) },
      isRunning: async (workflowId) => {
        asked.push(workflowId);
        return monitorRuns;
      },
    },
    { monitor },
  );
}
const verdicts = (checks: PreflightCheck[]) => checks.map(({ name, verdict }) => `${name} ${verdict}`);

describe('before a rollout', () => {
  it('the monitor of this service watches the alert rules', async () => {
    expect(verdicts(await checked(true, 'required'))).toEqual([
      '/health pass',
      '/metrics pass',
      'monitor pass',
    ]);
    expect(asked).toEqual(['monitor/ads']);
  });

  it.each([
    ['is refused where the plan requires it', 'required', 'fail'],
    ['is said where the plan does not', null, 'note'],
  ] as const)('[P4.4] no monitor %s, with the command that starts it', async (_what, monitor, verdict) => {
    const last = (await checked(false, monitor)).at(-1);
    expect(last).toMatchObject({ name: 'monitor', verdict });
    expect(last?.reason).toContain(
      `temporal workflow start --task-queue ads-rollout --type monitor --workflow-id monitor/ads --id-conflict-policy UseExisting --input '{"service":"ads"}'`,
    );
  });

  it.each<[string, () => void, string]>([
    ['a search that is not well', () => (health = { ...HEALTH, search: { ok: false } }), '/health fail'],
    ['a /health without parts', () => (health = { version: 'v-1' }), '/health fail'],
    ['metrics that gates need and lack', () => (lacking = ['gateway_requests_total']), '/metrics fail'],
  ])('%s fails', async (_what, happens, verdict) => {
    happens();
    expect(verdicts(await checked(true, null))).toContain(verdict);
  });
});
