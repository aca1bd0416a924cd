import { describe, expect, it } from 'vitest';
import type { DemoResult } from '../../../scripts/demo/scenario.ts';
import { differences } from '../../../scripts/demo/scenario.ts';

const traffic = (byRelease: Record<string, number>, errors = 0) => ({
  sent: 1000,
  answered: 1000 - errors,
  errors,
  lastError: errors > 0 ? 'HTTP 500' : null,
  byRelease,
  p50Ms: 2,
  p95Ms: 4,
});

const shipped: DemoResult = {
  release: 'retriever_v0',
  stable: 'v-1',
  outcome: 'shipped',
  highestPercent: 100,
  timeToSafeMs: null,
  blastRadius: null,
  rollbackVerified: null,
  version: 'retriever_v0',
  nprobe: 8,
  traffic: traffic({ 'v-1': 500, retriever_v0: 500 }),
};
const refused: DemoResult = {
  ...shipped,
  release: 'bad-norms',
  outcome: 'refused',
  highestPercent: 0,
  version: 'v-1',
  traffic: traffic({ 'v-1': 1000 }),
};
const rolledBack: DemoResult = {
  ...shipped,
  release: 'bad-ids',
  outcome: 'rolledBack',
  highestPercent: 50,
  timeToSafeMs: 90,
  rollbackVerified: true,
  version: 'v-1',
};

describe('a demo', () => {
  it.each<[string, DemoResult]>([
    ['the good release ships', shipped],
    ['bad-norms is refused', refused],
    ['bad-ids is rolled back', rolledBack],
    ['bad-crash is rolled back', { ...rolledBack, release: 'bad-crash', highestPercent: 5 }],
    ['bad-predictor is rolled back', { ...rolledBack, release: 'bad-predictor', highestPercent: 25 }],
    [
      'bad-latency ships, with nprobe tuned down',
      { ...shipped, release: 'bad-latency', version: 'bad-latency', nprobe: 4 },
    ],
    ['a release of the user ships', { ...shipped, release: 'mine', version: 'mine' }],
  ])('ends as it should when %s', (_, result) => {
    expect(differences(result)).toEqual([]);
  });

  it.each<[string, DemoResult, RegExp]>([
    [
      'the good release is rolled back',
      { ...shipped, outcome: 'rolledBack', version: 'v-1' },
      /ended rolledBack and not shipped/,
    ],
    ['the rollout has no end', { ...shipped, outcome: null }, /not at all/],
    ['another release serves at the end', { ...shipped, version: 'v-1' }, /\/health says v-1/],
    ['users saw errors', { ...shipped, traffic: traffic({ 'v-1': 9 }, 3) }, /3 errors, the last: HTTP 500/],
    ['nobody was answered', { ...shipped, traffic: { ...traffic({}), answered: 0 } }, /no user was answered/],
    ['a refused release had users', { ...refused, traffic: traffic({ 'bad-norms': 2 }) }, /answered 2 users/],
    ['a bad release ships', { ...rolledBack, outcome: 'shipped' }, /ended shipped and not rolledBack/],
    ['a bad release had everybody', { ...rolledBack, highestPercent: 100 }, /all users had the bad release/],
    ['the rollback is not verified', { ...rolledBack, rollbackVerified: false }, /not verified/],
    [
      'bad-latency ships as slow as it came',
      { ...shipped, release: 'bad-latency', version: 'bad-latency' },
      /nprobe is 8, and was not tuned down/,
    ],
    ['a refusal turns into a rollback', { ...refused, outcome: 'rolledBack' }, /not refused/],
  ])('does not end as it should when %s', (_, result, sentence) => {
    expect(differences(result).join('; ')).toMatch(sentence);
  });
});
