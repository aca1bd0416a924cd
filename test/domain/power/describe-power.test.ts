import { describe, expect, it } from 'vitest';
import {
  describeRefusal,
  describeWarning,
  formatEffectiveLimits,
  formatValue,
} from '../../../domain/power/describe-power.ts';
import type { PowerWarning } from '../../../domain/power/power-analysis.ts';

const ERRORS = { stage: 'canary-5', metric: 'errorRate', compareTo: 'stable' } as const;

describe('what a plan can detect, in words', () => {
  it('names row, samples and the least', () => {
    expect(describeRefusal({ code: 'tooFewSamples', ...ERRORS, requestsAtMost: 38, minSamples: 300 })).toBe(
      'canary-5: errorRate against stable: 38 samples at the most, and 300 are the least',
    );
  });

  it.each<[PowerWarning, string]>([
    [
      { code: 'passesLate', ...ERRORS, extendedMs: 5_400_000 },
      'canary-5: errorRate against stable: passes only after 1.5 h of extending',
    ],
    [
      { code: 'underpowered', ...ERRORS, minimumDetectableEffect: 0.0123 },
      'canary-5: errorRate against stable: can tell no harm smaller than 1.2 points',
    ],
    [
      { code: 'rareKinds', ...ERRORS, fromShare: 0.02, toShare: 0.114 },
      'canary-5: errorRate against stable: of a kind with 2 to 11 % of the queries it stays unknown',
    ],
    [
      { code: 'slowEmergency', stage: 'canary-5', minutes: 40 },
      'canary-5: a gross failure would be noticed only within 40 min',
    ],
  ])('says %j', (warning, sentence) => {
    expect(describeWarning(warning)).toBe(sentence);
  });

  it.each([
    ['errorRate', 'limit', 0.00724, '0.72 %'],
    ['errorRate', 'stable', 0.00372, '0.37 points'],
    ['shadowQualityDrop', 'limit', 0.056, '5.6 points'],
    ['retrievalP95', 'limit', 8.163, '8.16 ms'],
    ['endToEndP95', 'stable', 1.2271, 'x1.23'],
  ] as const)('%s against %s of %d is %s', (metric, compareTo, value, text) => {
    expect(formatValue({ metric, compareTo }, value)).toBe(text);
  });

  it('says where no value has a verdict, and where the samples are too few for any', () => {
    const row = { ...ERRORS, warnAbove: 0.002, failAbove: null };
    expect(formatEffectiveLimits(row, { passUpTo: null, warnFrom: null, failFrom: null })).toBe(
      'passes at no value, warns from no value',
    );
    expect(formatEffectiveLimits(row, null)).toBe('has too few samples');
  });
});
