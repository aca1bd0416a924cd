import { describe, expect, it } from 'vitest';
import { metricValue, missing } from '../../../domain/core/metric-value.ts';
import type { TuningNeed, TuningWindow } from '../../../domain/rules/tuning-trigger.ts';
import { describeTuningNeed } from '../../../domain/rules/describe-tuning.ts';
import { tuningNeed } from '../../../domain/rules/tuning-trigger.ts';

const MINUTE = 60_000;
const NOW = 10_000 * MINUTE;

/** Windows of ten minutes that end now; what each was like, oldest first. */
function windows(
  ...like: readonly { p95?: number | null; under?: number | null; queries?: number }[]
): TuningWindow[] {
  return like.map(({ p95 = 5, under = 0, queries = 20 }, i) => {
    const toMs = NOW - (like.length - 1 - i) * 10 * MINUTE;
    return {
      fromMs: toMs - 10 * MINUTE,
      toMs,
      retrievalP95: p95 === null ? missing('no metrics') : metricValue(p95, 1_000),
      recall:
        under === null ? null : { queries, expected: queries * 10, found: queries * 10 * (1 - under / 100) },
    };
  });
}
const hour = (under: number | null, queries = 20) => Array.from({ length: 6 }, () => ({ under, queries }));

describe('when nprobe is to be tuned', () => {
  it.each<[string, TuningWindow[], TuningNeed['verdict'], RegExp]>([
    ['not while all is well', windows(...hour(1)), 'pass', /1\.0 points under FLAT/],
    [
      '[N1] after three slow windows',
      windows(...hour(0), { p95: 8.1 }, { p95: 9 }, { p95: 12 }),
      'fail',
      /8\.10, 9\.00, 12\.00 ms/,
    ],
    [
      'not after two',
      windows(...hour(0), { p95: 9 }, { p95: 12 }),
      'pass',
      /5\.00 ms in one of the last windows/,
    ],
    ['not on the limit', windows(...hour(0), { p95: 8 }, { p95: 8 }, { p95: 8 }), 'pass', /8\.00/],
    [
      'not while one of three is missing',
      windows(...hour(0), { p95: 9 }, { p95: null }, { p95: 9 }),
      'inconclusive',
      /known in 2 of the last 3/,
    ],
    [
      'after an hour of little recall',
      windows(...hour(3.5)),
      'fail',
      /3\.5 points under FLAT over the last hour \(120 queries\), more than 3/,
    ],
    ['not on that limit', windows(...hour(3)), 'pass', /3\.0 points/],
    ['not after half an hour', windows(...hour(3.5).slice(3)), 'inconclusive', /live recall is known/],
    [
      'not where the second half was well',
      windows(...hour(9).slice(3), ...hour(1).slice(3)),
      'pass',
      /5\.0 points/,
    ],
    [
      'not on a few queries',
      windows(...hour(20, 4)),
      'inconclusive',
      /24 queries of the last hour, at least 30/,
    ],
    ['not where the lane was never asked', windows(...hour(null)), 'inconclusive', /known of 0 queries/],
    ['not without any window', [], 'inconclusive', /known in 0 of the last 3/],
  ])('%s', (_, seen, verdict, reason) => {
    const need = tuningNeed(seen, NOW);
    expect(need.verdict).toBe(verdict);
    expect(describeTuningNeed(need)).toMatch(reason);
  });
});
