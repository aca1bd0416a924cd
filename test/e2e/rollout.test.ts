import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RolloutResult } from '../../workflows/rollout/rollout.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { World } from '../support/world.ts';
import { startWorld } from '../support/world.ts';

/** Damages to a good release, and what a refusal has to name. */
const DAMAGES: Record<string, { damage: (dir: string) => void; names: RegExp }> = {
  'missing-file': { damage: (dir) => rmSync(join(dir, 'p_ivf.faiss')), names: /p_ivf\.faiss/ },
  'wrong-checksum': {
    damage: (dir) => appendFileSync(join(dir, 'corpus.jsonl'), '\n'),
    names: /corpus\.jsonl.*(checksum|sha256)/i,
  },
  'other-dimension': {
    damage(dir) {
      const file = join(dir, 'manifest.json');
      const manifest = JSON.parse(readFileSync(file, 'utf8'));
      writeFileSync(file, JSON.stringify({ ...manifest, dimension: manifest.dimension + 1 }));
    },
    names: /dimension/,
  },
};

/**
 * From the signal to 0 %. Some 0.1 s on a quiet machine; what is asserted leaves room for a busy one, and none for a
 * retry of a call that timed out.
 */
const SAFE_WITHIN_MS = 4_000;

let world: World;
let releasesDir = '';

beforeAll(async () => {
  const names = ['v-1', 'r-2', 'bad-norms', ...Object.keys(DAMAGES)];
  const built: string[] = [];
  for (const name of names) built.push(await smallRelease(name, name === 'bad-norms' ? name : 'good'));
  releasesDir = await releasesFolder(...built);
  for (const [name, { damage }] of Object.entries(DAMAGES)) damage(join(releasesDir, name));
  world = await startWorld(releasesDir, 'v-1');
});
afterAll(async () => {
  await world?.close();
  await rm(releasesDir, { recursive: true, force: true });
});

describe('a rollout on real parts', () => {
  it.each([
    ...Object.entries(DAMAGES).map(([release, { names }]) => ({ release, names })),
    { release: 'bad-norms', names: /norm/ },
    { release: 'nowhere', names: /no release "nowhere"; there are: .*v-1/ },
  ])('[P1.1] refuses $release by name, and no user ever sees it', async ({ release, names }) => {
    const handle = await world.startRollout(release, 'compressed');
    const result: RolloutResult = await handle.result();
    expect(result).toMatchObject({ outcome: 'refused', reason: expect.stringMatching(names) });
    const { state, lanes } = await world.gateway.view();
    expect([state.percent, lanes.candidate]).toEqual([0, null]);
  });

  it('[E7] reaches its first stage without any traffic, and a signal without input takes users back', async () => {
    const handle = await world.startRollout('r-2', 'long-canary');
    await world.untilStatus('users on the candidate', ({ percent }) => percent === 10);
    await world.temporal('workflow', 'signal', '--workflow-id', 'rollout/retriever', '--name', 'rollback');
    await world.untilControl('nobody on the candidate', ({ state }) => state.percent === 0);
    expect(await handle.result()).toMatchObject({ outcome: 'rolledBack' });
    const status = await world.status();
    expect(status).toMatchObject({ outcome: 'rolledBack', verified: true, rollsBackTo: 'v-1' });
    expect(status.safeAfterMs).toBeLessThan(SAFE_WITHIN_MS);
    expect((await world.gateway.health()).version).toBe('v-1');
  });

  it('[A1] ships a good release to real traffic, and a second rollout goes back', async () => {
    const traffic = await world.startTraffic(120);
    const rollout = await world.startRollout('r-2', 'compressed');
    const forth: RolloutResult = await rollout.result();
    expect(forth).toMatchObject({ outcome: 'shipped' });
    const found = (await rollout.describe()).typedSearchAttributes.getAll();
    expect(Object.fromEntries(found.map(({ key, value }) => [key.name, value]))).toMatchObject({
      RolloutCandidate: 'r-2',
      RolloutStage: 'full-100',
      RolloutVerdict: 'pass',
      RolloutOutcome: 'shipped',
    });
    expect(await world.gateway.health()).toMatchObject({ version: 'r-2', percent: 0 });
    const back: RolloutResult = await (await world.startRollout('v-1', 'compressed')).result();
    expect(back).toMatchObject({ outcome: 'shipped' });
    expect((await world.gateway.health()).version).toBe('v-1');
    const seen = await traffic.stop();
    expect(seen).toMatchObject({ errors: 0, lastError: null });
    expect(Object.keys(seen.byRelease).toSorted()).toEqual(['r-2', 'v-1']);
    const baseline = readFileSync(join(world.folder, 'artifacts/eval/baseline_metrics.json'), 'utf8');
    expect(JSON.parse(baseline)).toMatchObject({ kind: 'window', errorRate: 0 });
  }, 180_000);
});
