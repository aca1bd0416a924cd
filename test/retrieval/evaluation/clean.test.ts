import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cleanEvaluation, cleanHits, summariseClean } from '../../../retrieval/evaluation/clean.ts';
import { smallRelease } from '../../fixtures/releases.ts';

describe('a clean evaluation', () => {
  it('[M10] in shards is the same as in one go', async () => {
    const dir = await smallRelease('small');
    const whole = await cleanEvaluation(dir);
    const shards = [];
    for (const [from, to] of [
      [0, 10],
      [10, 11],
      [11, 27],
    ] as const)
      shards.push(await cleanHits(dir, { shard: { from, to } }));
    const hits = {
      plain: shards.flatMap(({ plain }) => plain),
      reranked: shards.flatMap(({ reranked }) => reranked),
      gone: shards.flatMap(({ gone }) => gone),
      ntotal: whole.ntotal,
    };
    expect(await summariseClean(dir, hits)).toEqual(whole);
    expect(whole.queries).toBe(27);
  }, 120_000);

  it('refuses shards that are not the whole', async () => {
    const dir = await smallRelease('small');
    const hits = await cleanHits(dir, { shard: { from: 0, to: 26 } });
    await expect(summariseClean(dir, hits)).rejects.toThrow('the hits hold nothing where small asks q');
  }, 120_000);

  it('[W2] with the truth index finds at least what IVF finds at 50, and refuses what is no index', async () => {
    const dir = await smallRelease('small');
    const ivf = await cleanEvaluation(dir);
    const flat = await cleanEvaluation(dir, { index: join(dir, 'p_flat_ip.faiss') });
    expect(flat.Contain_at_50).toBeGreaterThanOrEqual(ivf.Contain_at_50);
    await expect(cleanEvaluation(dir, { index: join(dir, 'corpus.jsonl') })).rejects.toThrow('corpus.jsonl');
  }, 120_000);
});
