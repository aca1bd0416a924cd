import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { MonitorStatus } from '../../domain/alerts/monitor-status.ts';
import type { TestServer } from '../support/http-server.ts';
import { startServer } from '../support/http-server.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import { lintMetrics, promtool } from '../support/metrics-lint.ts';
import type { World } from '../support/world.ts';
import { startWorld } from '../support/world.ts';

const START = ['workflow', 'start', '--task-queue', 'retriever-rollout', '--type', 'monitor'];
const ID = ['--workflow-id', 'monitor/retriever'];

let world: World;
let hook: TestServer;
let releasesDir = '';

beforeAll(async () => {
  releasesDir = await releasesFolder(await smallRelease('v-1'), await smallRelease('r-2'));
  hook = await startServer(() => ({ status: 200, body: 'ok' }));
  world = await startWorld(releasesDir, 'v-1', {
    worker: { NOTIFY_WEBHOOK_URL: hook.url, NOTIFY_WEBHOOK_FORMAT: 'slack' },
  });
});
afterAll(async () => {
  await world?.close();
  await hook?.close();
  await rm(releasesDir, { recursive: true, force: true });
});

/** Messages whose header names that alert. */
const messages = (alert: string) =>
  hook.received.map(({ body }) => JSON.stringify(body)).filter((text) => text.includes(`${alert}: `));
const until = (holds: () => void | Promise<void>) => vi.waitFor(holds, { timeout: 40_000, interval: 200 });
async function alerts(): Promise<MonitorStatus> {
  const said = await world.temporal('workflow', 'query', ...ID, '--type', 'alerts', '--output', 'json');
  return JSON.parse(said).queryResult[0];
}

describe('a monitor on real parts', () => {
  it('[T10] pages with release, run and the way back, and the rollout under way is held', async () => {
    await world.startTraffic(80);
    const rollout = await world.startRollout('r-2', 'long-canary');
    await world.untilStatus('users on the candidate', ({ percent }) => percent === 10);
    await world.temporal(...START, ...ID, '--input', '{"rules":"fast"}');
    await until(() => expect(messages('any-latency')).not.toEqual([]));
    const { runId } = await rollout.describe();
    const [page] = messages('any-latency');
    expect(page).toContain(`rollout rollout/retriever, run ${runId}`);
    expect(page).toContain('users back: `bash scripts/rollback_retriever.sh v-1`');
    // Stable is as slow: going back would not help.
    const held = await world.untilStatus('held', ({ state }) => state === 'held');
    expect(held.reason).toMatch(/^held by monitor\/retriever: any-latency: P95 of v-1 is /);
    const { firing, values } = await alerts();
    expect(firing).toContainEqual(
      expect.objectContaining({ name: 'any-latency', severity: 'critical', lane: 'stable', release: 'v-1' }),
    );
    expect(values).toContainEqual(
      expect.objectContaining({ rule: 'any-latency', measured: expect.objectContaining({ kind: 'value' }) }),
    );
  });

  it('[D3] judges the proxy by what the release promises', async () => {
    await until(async () => {
      const { values } = await alerts();
      expect(values.find(({ rule, lane }) => rule === 'proxy' && lane === 'stable')?.measured).toMatchObject({
        kind: 'value',
        value: expect.closeTo(0, 1),
      });
    });
  });

  it('goes on after kill -9 of the worker with what it knows, and reads what an evaluation left meanwhile', async () => {
    const before = messages('any-latency').length;
    const [since] = (await alerts()).firing.map((alert) => alert.since);
    await world.stack.kill('worker');
    const folder = join(world.folder, 'artifacts/eval');
    await mkdir(folder, { recursive: true });
    const found = { R_at_5: 0.6, Contain_at_50: 0.7, plain_R_at_5: 0.55, reranked_R_at_5: 0.6 };
    const line = { kind: 'nightly', atMs: Date.now(), release: 'v-1', queries: 27, ...found };
    // The second line is being written.
    await writeFile(join(folder, 'history.jsonl'), `${JSON.stringify(line)}\n{"atMs":`);
    await world.stack.start('worker');
    await until(() => expect(messages('containment')).not.toEqual([]));
    expect(messages('containment')[0]).toContain('Contain@50 of v-1 is 70 %');
    expect((await alerts()).firing[0]?.since).toBe(since);
    expect(messages('any-latency')).toHaveLength(before);
  });

  it('says that it is blind while the gateway is gone, and that it sees again', async () => {
    await world.stack.kill('gateway');
    await until(() => expect(messages('blind')).not.toEqual([]));
    expect((await alerts()).blind).toBe(true);
    await world.stack.start('gateway');
    await until(() => expect(messages('blind').at(-1)).toContain('resolved'));
    expect((await alerts()).blind).toBe(false);
  });

  it("has metrics of the worker by Prometheus' conventions", async () => {
    const text = await (await fetch(world.stack.addresses.workerMetrics)).text();
    expect(text).toMatch(/^temporal_request_total\{/m);
    expect(lintMetrics(text)).toEqual([]);
    expect(promtool(text) ?? '').toBe('');
  });

  it('says which rules cannot be judged while a lane does not say what it counts', async () => {
    await world.temporal(
      ...START,
      ...ID,
      '--input',
      '{"rules":"fast"}',
      '--id-conflict-policy',
      'UseExisting',
    );
    // That it is over says so too, and may come late.
    const said = () =>
      messages('not-seen').filter((text) =>
        /: rules cannot be judged.* lists: the lane does not say/.test(text),
      );
    await until(async () => {
      const { values } = await alerts();
      expect(values.find(({ rule, lane }) => rule === 'lists' && lane === 'stable')?.measured.kind).toBe(
        'value',
      );
    });
    const before = said().length;
    const { lanes } = await world.gateway.view();
    const pid = lanes.stable?.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    try {
      await until(() => expect(said().length).toBeGreaterThan(before));
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await until(() => expect(messages('not-seen').at(-1)).toContain('resolved'));
  });

  it('leaves the draft of a post-mortem when it is cancelled, also over kill -9 of the worker', async () => {
    await world.stack.kill('worker');
    await world.temporal('workflow', 'cancel', ...ID);
    await world.stack.start('worker');
    const folder = join(world.folder, 'PROD/postmortems');
    await until(async () => expect(await readdir(folder)).toHaveLength(1));
    const text = await readFile(join(folder, (await readdir(folder))[0] ?? ''), 'utf8');
    for (const part of [
      '# incident of retriever: any-latency (',
      '**Not over when this was written**: the monitor was cancelled',
      'rollout under way | rollout/retriever ',
      'hold sent to rollout/retriever',
      `notified the log and ${new URL(hook.url).host} (slack), as critical: any-latency`,
      'fired: blind: nothing can be measured',
      'over: blind',
    ])
      expect(text).toContain(part);
  });
});
