import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SearchResponse } from '../../domain/control/http.ts';
import { readChunks } from '../../retrieval/corpus/jsonl.ts';
import { readManifest } from '../../retrieval/release/manifest.ts';
import { verifyRelease } from '../../retrieval/release/verify.ts';
import { nodeCommand } from '../../devstack/process.ts';
import { ROOT } from '../../platform/node-command.ts';
import type { RolloutResult } from '../../workflows/rollout/rollout.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { World } from '../support/world.ts';
import { startWorld } from '../support/world.ts';
import type { PreflightReport } from '../../domain/preflight/report.ts';

const ADDED = 30;
/** Ingested after the weekly release was made. */
const LATECOMER = 'The shadow of a brass gnomon tells the hour on the garden wall.';
/** Long enough for steps that others slow down, and for a dead worker to be noticed. */
const PATIENCE = { timeout: 200_000, interval: 500 };

let world: World;
let releasesDir = '';
let removed = { id: '', text: '' };
beforeAll(async () => {
  releasesDir = await releasesFolder(await smallRelease('small'));
  world = await startWorld(releasesDir, 'small');
  const [first] = await readChunks(join(releasesDir, 'small/corpus.jsonl'), 'release');
  if (first) removed = first;
}, 300_000);
afterAll(async () => {
  await world?.close();
  await rm(releasesDir, { recursive: true, force: true });
});

/** The tool as a person runs it. */
async function schedules(...args: readonly string[]): Promise<string> {
  const [node, ...command] = nodeCommand('scripts/cli', 'schedules', ...args);
  const env = { ...process.env, TEMPORAL_ADDRESS: world.stack.addresses.temporal };
  return (await promisify(execFile)(node, command, { cwd: ROOT, env })).stdout;
}

async function ingest(method: 'POST' | 'DELETE', path: string, body?: object): Promise<void> {
  const token = (await readFile(join(world.folder, 'run/ingest-token'), 'utf8')).trim();
  const answer = await fetch(`${world.stack.addresses.gateway}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(answer.status, await answer.text()).toBe(200);
}

/** What a user of that text gets. */
async function search(text: string): Promise<SearchResponse> {
  const answer = await fetch(`${world.stack.addresses.gateway}/search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  });
  return JSON.parse(await answer.text());
}

/** The checks that pre-flight made, by name. */
async function preflightOf(rollout: WorkflowHandle): Promise<string[]> {
  const { events } = await rollout.fetchHistory();
  const scheduled = events?.find(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'preflight',
  )?.eventId;
  const done = events
    ?.map((event) => event.activityTaskCompletedEventAttributes)
    .find((attributes) => attributes?.scheduledEventId?.toString() === scheduled?.toString());
  const { checks }: PreflightReport = JSON.parse(String(done?.result?.payloads?.[0]?.data));
  return checks.map(({ name }) => name);
}

const evalFolder = () => join(world.folder, 'artifacts/eval');

async function history(): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(evalFolder(), 'history.jsonl'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** The statuses of the runs that a schedule started. */
async function runs(type: string): Promise<string[]> {
  const query = `WorkflowType="${type}"`;
  const listed: { status: string }[] = JSON.parse(
    await world.temporal('workflow', 'list', '--query', query, '-o', 'json'),
  );
  return listed.map(({ status }) => status);
}

const trigger = (name: string) => world.temporal('schedule', 'trigger', '--schedule-id', name);

describe('the schedules', () => {
  it('[W3.1] are made once, however often they are applied, and stay paused where a person paused them', async () => {
    expect(await schedules('apply')).toBe('nightly-evaluation: created\nweekly-maintenance: created\n');
    await schedules('pause', '--only', 'nightly-evaluation', '--note', 'disk is full');
    expect(await schedules('apply', '--timezone', 'Europe/Berlin', '--nightly', '03:30')).toBe(
      'nightly-evaluation: updated\nweekly-maintenance: updated\n',
    );
    const listed: { scheduleId: string }[] = JSON.parse(
      await world.temporal('schedule', 'list', '-o', 'json'),
    );
    expect(listed.map(({ scheduleId }) => scheduleId).toSorted()).toEqual([
      'nightly-evaluation',
      'weekly-maintenance',
    ]);
    const { schedules: ours } = JSON.parse(await schedules('list', '--json'));
    expect(ours).toMatchObject([
      { name: 'nightly-evaluation', paused: true, note: 'disk is full' },
      { name: 'weekly-maintenance', paused: false },
    ]);
    const described = JSON.parse(
      await world.temporal('schedule', 'describe', '--schedule-id', 'nightly-evaluation', '-o', 'json'),
    );
    expect(described.schedule).toMatchObject({
      spec: { timezoneName: 'Europe/Berlin', jitter: '600s' },
      policies: { catchupWindow: '86400s' },
    });
    expect(described.schedule.policies.overlapPolicy).toMatch(/skip/i);
    expect(described.schedule.action.startWorkflow.workflowId).toBe('evaluation/retriever');
    await schedules('resume');
  }, 120_000);
});

describe('the schedules of another service', () => {
  it('stand beside these, and come and go alone', async () => {
    await schedules('apply', '--service', 'shop');
    const described = JSON.parse(
      await world.temporal('schedule', 'describe', '--schedule-id', 'nightly-evaluation/shop', '-o', 'json'),
    );
    expect(described.schedule.action.startWorkflow.workflowId).toBe('evaluation/shop');
    const ours = JSON.parse(await schedules('list', '--json')).schedules;
    expect(ours[0]).toMatchObject({ name: 'nightly-evaluation', note: 'resumed by a person' });
    await schedules('delete', '--service', 'shop');
    expect(JSON.parse(await schedules('list', '--json')).schedules).toHaveLength(2);
  }, 60_000);
});

describe('triggered', () => {
  it('[W3.1] the weekly maintenance ends with a line in history.jsonl and a release, though its worker is killed', async () => {
    await Promise.all(
      Array.from({ length: ADDED }, (_, seq) =>
        ingest('POST', '/ingest', {
          article: seq < 15 ? 'Kites' : 'Looms',
          seq: seq % 15,
          text: `A sentence about ${seq < 15 ? 'kites' : 'looms'}, number ${seq}, with some words.`,
        }),
      ),
    );
    await ingest('DELETE', `/ingest/${encodeURIComponent(removed.id)}`);
    await trigger('weekly-maintenance');
    const weekly = join(world.folder, 'artifacts/weekly');
    await vi.waitUntil(async () => (await readdir(weekly).catch(() => [])).length > 0, PATIENCE);
    await world.stack.kill('worker');
    await world.stack.start('worker');
    await vi.waitUntil(
      async () => (await runs('weeklyMaintenance')).some((status) => /completed/i.test(status)),
      PATIENCE,
    );

    const lines = await history();
    expect(lines).toMatchObject([{ kind: 'weekly' }]);
    const release = String(lines[0]?.['release']);
    expect(release).toMatch(/^weekly-\d{8}$/);
    const dir = join(releasesDir, release);
    expect(await verifyRelease(dir)).toMatchObject({ ok: true });
    const base = await readManifest(join(releasesDir, 'small'));
    const manifest = await readManifest(dir);
    expect(manifest.ntotal).toBe(base.ntotal + ADDED - 1);
    const log = await readFile(join(world.folder, 'gateway/ingest/log.jsonl'));
    expect(manifest.ingestOffset).toBe(log.length);
    expect(await readdir(weekly)).toEqual([]);
    expect((await readdir(releasesDir)).toSorted()).toEqual(['small', release]);
  }, 400_000);

  it('the nightly evaluation measures what users get, with the chunks that came and went', async () => {
    await trigger('nightly-evaluation');
    await vi.waitUntil(
      async () => (await runs('evaluation')).some((status) => /completed/i.test(status)),
      PATIENCE,
    );
    const base = await readManifest(join(releasesDir, 'small'));
    const nightly = (await history()).find(({ kind }) => kind === 'nightly');
    expect(nightly).toMatchObject({ release: 'small', ntotal: base.ntotal + ADDED - 1 });
    const file = join(evalFolder(), `nightly_${String(nightly?.['date'])}.json`);
    const result = JSON.parse(await readFile(file, 'utf8'));
    expect(result).toMatchObject({ queries: nightly?.['queries'], plain: { intervals: {} }, perArticle: {} });
    expect(existsSync(join(evalFolder(), 'trend.svg'))).toBe(true);
    expect(await readdir(join(evalFolder(), 'shards'))).toEqual([]);
  }, 400_000);

  it('[P5.2, W3.2] the release that it published passes every check of pre-flight and ships, with what came and went since', async () => {
    await ingest('POST', '/ingest', { article: 'Sundials', seq: 0, text: LATECOMER });
    const release = String((await history())[0]?.['release']);
    const traffic = await world.startTraffic(120);
    const handle = await world.startRollout(release, 'compressed');
    const { outcome, reason }: RolloutResult = await handle.result();
    const { timeline } = await world.status();
    expect(timeline[0]?.text).toMatch(/^pre-flight: all \d+ checks pass$/);
    expect(await preflightOf(handle)).toEqual([
      `files of ${release}`,
      'IVF agrees with FLAT',
      'vectors are of unit norm',
      'reranking lifts R@5',
      'files of small',
      'config pins',
      '/health',
      '/metrics',
      'monitor',
      'rollback dry run',
    ]);
    expect([outcome, reason]).toEqual(['shipped', `${release} is stable; small stays warm`]);
    expect(await traffic.stop()).toMatchObject({ errors: 0, lastError: null });
    const merged = await search('A sentence about looms, number 22, with some words.');
    expect(merged).toMatchObject({ release });
    expect(merged.results[0]).toMatchObject({ article: 'Looms' });
    expect((await search(LATECOMER)).results[0]).toMatchObject({ article: 'Sundials' });
    expect((await search(removed.text)).results.map(({ id }) => id)).not.toContain(removed.id);
  }, 120_000);

  it('the week after builds on what was shipped', async () => {
    const before = await readManifest(join(releasesDir, String((await history())[0]?.['release'])));
    await trigger('weekly-maintenance');
    await vi.waitUntil(
      async () =>
        (await runs('weeklyMaintenance')).filter((status) => /completed/i.test(status)).length === 2,
      PATIENCE,
    );
    const next = (await readdir(releasesDir)).find((name) => ![before.version, 'small'].includes(name));
    const { problems, manifest } = await verifyRelease(join(releasesDir, String(next)));
    expect(problems).toEqual([]);
    // What came since, and nothing that the week before has already.
    expect(manifest).toMatchObject({ version: next, ntotal: before.ntotal + 1, flags: before.flags });
    expect(manifest?.ingestOffset).toBeGreaterThan(before.ingestOffset);
  }, 400_000);
});
