import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Flags } from '../../domain/control.ts';
import { loadEvaluationSet, loadProbes } from '../../retrieval/evaluation/set.ts';
import type { Pipeline } from '../../retrieval/pipeline.ts';
import { openPipeline } from '../../retrieval/pipeline.ts';
import { smallRelease } from '../fixtures/releases.ts';

const FLAGS: Flags = { impl: 'amn_v0', reranker: 'on', nprobe: 8 };
let dir: string;
let pipeline: Pipeline;

beforeAll(async () => {
  dir = await smallRelease('small');
  pipeline = await openPipeline(dir, { verify: true });
});
afterAll(() => pipeline.close());

describe('a release in the pipeline', () => {
  it('answers its own probes', async () => {
    for (const { context, exclude, ids } of await loadProbes(dir)) {
      const { results } = await pipeline.search({ kind: 'context', context, exclude, k: ids.length }, FLAGS);
      expect(results.map(({ id }) => id)).toEqual(ids);
    }
  });
});
