import { readFileSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { STARTABLE } from '../../domain/alerts/mitigation.ts';
import { parseAlertRules } from '../../plan-files/parse-alert-rules.ts';
import { ROOT } from '../../platform/node-command.ts';
import type { TestServer } from '../support/http-server.ts';
import { startServer } from '../support/http-server.ts';
import { parse } from 'yaml';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { World } from '../support/world.ts';
import { startWorld } from '../support/world.ts';

let world: World;
let hook: TestServer;
let releasesDir = '';
let connection: Connection;

beforeAll(async () => {
  releasesDir = await releasesFolder(await smallRelease('v-1'));
  hook = await startServer(() => ({ status: 200, body: 'ok' }));
  world = await startWorld(releasesDir, 'v-1', { worker: { NOTIFY_WEBHOOK_URL: hook.url } });
  connection = await Connection.connect({ address: world.stack.addresses.temporal });
}, 300_000);
afterAll(async () => {
  await connection?.close();
  await world?.close();
  await hook?.close();
  await rm(releasesDir, { recursive: true, force: true });
});

describe('a monitor whose rule says how: start', () => {
  it('begins every mitigation that can be begun, on real parts, and pages what it began', async () => {
    const file = readFileSync(join(ROOT, 'test/fixtures/plans/alerts/begins.yaml'), 'utf8');
    const parsed = parseAlertRules(parse(file));
    const [rule] = parsed.ok ? parsed.rules.rules : [];
    expect(rule?.mitigate.map((one) => one.do).toSorted()).toEqual(STARTABLE.toSorted());

    const traffic = await world.startTraffic(40);
    const { workflow } = new Client({ connection });
    await workflow.start('monitor', {
      args: [{ rules: 'begins' }],
      taskQueue: 'retriever-rollout',
      workflowId: 'monitor/retriever',
    });
    const page = await vi.waitFor(
      () => {
        const texts = hook.received.map(({ body }) => JSON.stringify(body));
        const found = texts.find((text) => text.includes('begins: '));
        expect(found).toBeDefined();
        return found ?? '';
      },
      { timeout: 90_000, interval: 200 },
    );
    expect(page).toContain('nprobeTuning/retriever begun');
    expect(page).toContain('weeklyMaintenance/retriever begun');
    expect(page).toContain('reranker of stable switched off');

    const tuning = await workflow.getHandle('nprobeTuning/retriever').result();
    expect(['applied', 'unchanged', 'reverted', 'hold', 'superseded']).toContain(tuning.outcome);
    expect(readdirSync(join(world.folder, 'artifacts/tuning')).join()).toMatch(
      /nprobe_sweep_\d{8}_\d{6}\.json/,
    );
    expect(await workflow.getHandle('weeklyMaintenance/retriever').result()).toMatchObject({
      base: 'v-1',
      release: expect.stringMatching(/^weekly-\d{8}/),
    });
    expect((await world.gateway.view()).state.lanes.stable.flags?.reranker).toBe('off');
    expect((await traffic.stop()).errors).toBe(0);
  }, 400_000);
});
