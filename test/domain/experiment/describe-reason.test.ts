import { describe, expect, it } from 'vitest';
import type { Effect } from '../../../domain/experiment/effect.ts';
import { describeReason } from '../../../domain/experiment/describe-reason.ts';
import type { ExperimentReason } from '../../../domain/experiment/reason.ts';

const EFFECT: Effect = {
  metric: 'mrr',
  on: 0.55,
  off: 0.5,
  lift: 0.05,
  interval: { low: 0.01, high: 0.09 },
  units: 4_000,
};

describe('the sentence for the end of an experiment', () => {
  it.each<[ExperimentReason, string]>([
    [
      { code: 'lifts', effect: EFFECT, detect: 0.03 },
      'the reranker lifts mrr by 5.0 points (1.0 points to 9.0 points): 0.550 with it, 0.500 without, 4000 units',
    ],
    [
      { code: 'splitBroken', onKeys: 800, offKeys: 200, offPercent: 10, p: 1.2e-30 },
      'the split is broken: 200 of 1000 request keys have no reranker, and the design has 10 % (p 1.2e-30): no number of the experiment can be trusted',
    ],
    [
      {
        code: 'sampleTooLarge',
        sample: {
          design: { metric: 'mrr', detect: 0.03, offPercent: 10, units: 33_000 },
          expectedMs: 400 * 3_600_000,
          unitsPerHour: 82.5,
        },
        maxHours: 168,
      },
      '33000 requests with feedback are needed to find a lift of 3.0 points in mrr with 10 % without reranker: 400.0 h at 83 an hour, and there are 168 h',
    ],
    [
      { code: 'lanesTaken', epoch: 4, experiment: null },
      'another owner took the lanes (epoch 4, experiment none): the arms ended',
    ],
  ])('names its numbers: %j', (reason, sentence) => {
    expect(describeReason(reason)).toBe(sentence);
  });
});
