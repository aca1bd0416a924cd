import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TASK_QUEUE } from '../../domain/core/task-queues.ts';
import { LANE_HEADERS } from '../../domain/control/http.ts';
import { probeRequest } from '../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../retrieval/evaluation/set.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { World } from '../support/world.ts';
import { startWorld } from '../support/world.ts';

const ID = 'rerankerExperiment/retriever';

let releases = '';
let world: World;
beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v0'));
  world = await startWorld(releases, 'v0');
}, 120_000);
afterAll(async () => {
  await world.close();
  await rm(releases, { recursive: true });
});

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const answer = await request(world.stack.addresses.gateway + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${path} answered ${answer.statusCode}: ${text}`);
  return { headers: answer.headers, body: JSON.parse(text) };
}

it('asks real users through the real parts, and recommends what they found: the first result, where it was reranked', async () => {
  const [probe] = await loadProbes(join(releases, 'v0'));
  if (probe === undefined) throw new Error('the release has no probes');
  const query = probeRequest(probe);
  const users = { done: false, asked: 0 };
  const asking = (async () => {
    while (!users.done) {
      const key = { [LANE_HEADERS.requestKey]: `user ${users.asked++}` };
      const { headers, body } = await post('/search', query, key);
      const arm = String(headers[LANE_HEADERS.arm] ?? '');
      const liked = body.results[arm.endsWith('/off') ? 2 : 0];
      await post('/feedback', { requestId: body.requestId, id: liked.id });
    }
  })();
  try {
    const input = JSON.stringify({ offPercent: 50, detectPoints: 40, lookMinutes: 0.05, maxHours: 1 });
    const name = ['--workflow-id', ID];
    const type = ['--type', 'rerankerExperiment', '--task-queue', TASK_QUEUE];
    await world.temporal('workflow', 'start', ...name, ...type, '--input', input);
    const { result } = JSON.parse(await world.temporal('workflow', 'result', ...name, '--output', 'json'));
    expect(result).toMatchObject({ outcome: 'completed', recommendation: 'keepOn' });
    expect(result.files).toHaveLength(2);
    const report = JSON.parse(await readFile(result.files[0], 'utf8'));
    expect(report.effects[0]).toMatchObject({ metric: 'mrr', on: 1, off: expect.closeTo(1 / 3, 6) });
    expect(await readFile(result.files[1], 'utf8')).toContain('keep the reranker on');
    expect((await world.gateway.view()).state).toMatchObject({ experiment: null, interventions: 0 });
  } finally {
    users.done = true;
    await asking;
  }
});
