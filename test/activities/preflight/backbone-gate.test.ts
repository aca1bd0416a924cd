import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backboneGate } from '../../../activities/preflight/backbone-gate.ts';
import { copyRelease, smallRelease } from '../../fixtures/releases.ts';

let work: string;
let good: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'backbone-'));
  good = await smallRelease('small');
}, 300_000);
afterAll(() => rm(work, { recursive: true }));

/** The same release, as if of another family and with other numbers. */
async function declared(manifest: object, metrics: object = {}): Promise<string> {
  const copy = await copyRelease(good, await mkdtemp(join(work, 'copy-')));
  for (const [name, change] of Object.entries({ 'manifest.json': manifest, 'metrics.json': metrics })) {
    const file = join(copy, name);
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...change }));
  }
  return copy;
}

describe('pre-flight of another backbone', () => {
  it('has no such row for the family that the limits were set for', async () => {
    expect(await backboneGate(good)).toEqual([]);
  });

  it.each([
    ['[L4] passes with proof of over 85 %', 0.9, 800, 'pass'],
    ['refuses without', 0.84, 800, 'fail'],
    ['refuses where there are too few queries to show it', 0.9, 27, 'inconclusive'],
  ])('%s', async (_what, containment, queries, verdict) => {
    const dir = await declared({ backbone: 'two-tower' }, { Contain_at_50: containment, queries });
    expect(await backboneGate(dir)).toEqual([expect.objectContaining({ name: 'two-tower gate', verdict })]);
  });

  it('refuses an evaluation on articles of the training', async () => {
    const { reranker, evaluationArticles } = JSON.parse(await readFile(join(good, 'manifest.json'), 'utf8'));
    const trainingArticles = [...reranker.trainingArticles, evaluationArticles[0]];
    const dir = await declared(
      { backbone: 'two-tower', reranker: { trainingArticles } },
      { Contain_at_50: 1, queries: 800 },
    );
    expect((await backboneGate(dir))[0]).toMatchObject({
      verdict: 'fail',
      reason: expect.stringContaining(evaluationArticles[0]),
    });
  });
});
