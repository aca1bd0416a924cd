import { describe, expect, it } from 'vitest';
import type { ContainmentEvidence } from '../../../domain/preflight/encoder-family-gate.ts';
import { twoTowerGate } from '../../../domain/preflight/encoder-family-gate.ts';

const evidence: ContainmentEvidence = {
  backbone: 'transformer',
  containAt50: 0.9,
  queries: 800,
  trainedOn: [],
};

describe('the gate of another backbone', () => {
  it.each<[string, Partial<ContainmentEvidence>, string, string]>([
    ['90 % of 800 queries are proof', {}, 'pass', 'Contain@50 90.0 % of 800 queries [87.7, 91.9], over 85 %'],
    ['86 % of 800 are too few queries to show it', { containAt50: 0.86 }, 'inconclusive', 'too few queries'],
    ['[L4] exactly 85 % is not over it', { containAt50: 0.85 }, 'fail', 'not over 85 %'],
    ['82 % is under it', { containAt50: 0.82 }, 'fail', 'not over 85 %'],
    ['all of 10 queries show nothing', { containAt50: 1, queries: 10 }, 'inconclusive', 'too few queries'],
    ['no queries show nothing', { queries: 0 }, 'inconclusive', 'not measured'],
    ['no number is no pass', { containAt50: Number.NaN }, 'inconclusive', 'not measured'],
    [
      'articles that a model knows show nothing, however good',
      { containAt50: 1, trainedOn: ['Algae'] },
      'fail',
      'articles of the training: Algae',
    ],
  ])('%s', (_what, change, verdict, says) => {
    const row = twoTowerGate({ ...evidence, ...change });
    expect(row.verdict).toBe(verdict);
    expect(row.reason).toContain(says);
    expect(row.reason).toContain('backbone transformer');
  });
});
