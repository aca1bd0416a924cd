import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Recipe } from '../../retrieval/release/manifest.ts';
import { checkNorms, ivfFlatOverlap, rerankLift } from '../../retrieval/smoke.ts';
import { copyRelease, smallRelease } from '../fixtures/releases.ts';

describe('the smoke tests', () => {
  it.each<[Recipe, { overlap: boolean; norms: boolean; lift: boolean }]>([
    ['good', { overlap: true, norms: true, lift: true }],
    ['bad-norms', { overlap: true, norms: false, lift: true }],
    // Faults that only answers show: pre-flight lets them pass.
    ['bad-ids', { overlap: true, norms: true, lift: true }],
    ['bad-predictor', { overlap: true, norms: true, lift: true }],
    ['bad-crash', { overlap: true, norms: true, lift: true }],
  ])('of a %s release', async (recipe, expected) => {
    const dir = await smallRelease('smoke', recipe);
    const results = {
      overlap: await ivfFlatOverlap(dir),
      norms: await checkNorms(dir),
      lift: await rerankLift(dir),
    };
    const verdicts = Object.fromEntries(Object.entries(results).map(([name, { ok }]) => [name, ok]));
    expect(verdicts, JSON.stringify(results)).toEqual(expected);
  });

  it('[P2.2] say how many rows are not normalised, and where', async () => {
    const { reason, numbers } = await checkNorms(await smallRelease('smoke', 'bad-norms'));
    expect(reason).toMatch(
      /not normalised: p_ivf\.faiss: 196 of 196, p_flat_ip\.faiss: 196 of 196; the worst norm/,
    );
    expect(numbers).toMatchObject({ wrong: 392 });
  });

  it('[P2.1] see a serving index that disagrees with the truth', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'no-overlap-'));
    const dir = await copyRelease(await smallRelease('smoke'), folder);
    // Truth of vectors of all lengths: the long ones come first whatever is asked.
    await copyFile(
      join(await smallRelease('smoke', 'bad-norms'), 'p_flat_ip.faiss'),
      join(dir, 'p_flat_ip.faiss'),
    );
    const { ok, reason } = await ivfFlatOverlap(dir);
    expect(ok, reason).toBe(false);
    expect(reason).toMatch(/overlap@10 is 0\.\d+ over 27 queries at nprobe 8, at least 0\.95 is needed/);
    await rm(folder, { recursive: true });
  });

  it('[P2.3] see a reranker that lifts nothing, unless it is off', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'no-lift-'));
    const dir = await copyRelease(await smallRelease('smoke'), folder);
    await copyFile(join(dir, 'hits_plain.jsonl'), join(dir, 'hits_reranked.jsonl'));
    expect(await rerankLift(dir)).toMatchObject({ ok: false, reason: expect.stringContaining('0.0 points') });
    await rm(folder, { recursive: true });
    const off = await smallRelease('smoke', 'good', { impl: 'gru_v0', reranker: 'off', nprobe: 8 });
    expect(await rerankLift(off)).toMatchObject({
      ok: true,
      reason: expect.stringContaining('reranker off'),
    });
  });
});
