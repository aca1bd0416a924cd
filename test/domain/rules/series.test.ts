import { describe, expect, it } from 'vitest';
import type { RuleSeries, RuleVerdict } from '../../../domain/rules/series.ts';
import { ruleStep } from '../../../domain/rules/series.ts';

const MINUTE = 60_000;
const TIMING = {
  pollMs: MINUTE,
  forMs: 3 * MINUTE,
  polls: 0,
  keepFiringForMs: 2 * MINUTE,
  historyMs: 3 * MINUTE,
};

/** The state after each poll, one a minute. */
function states(verdicts: readonly RuleVerdict[], timing = TIMING): string[] {
  const result: string[] = [];
  verdicts.reduce<RuleSeries | null>((before, verdict, minute) => {
    const after = ruleStep(before, verdict, timing, minute * MINUTE);
    result.push(after.state);
    return after;
  }, null);
  return result;
}

describe('a rule on a lane', () => {
  it('is pending from the first breach, and fires once the breach lasts', () => {
    expect(states(['pass', 'fail', 'fail', 'fail', 'fail'])).toEqual([
      'inactive',
      'pending',
      'pending',
      'pending',
      'firing',
    ]);
  });

  it('keeps firing until it is clear for long enough, and is resolved at one poll alone', () => {
    const before = ['fail', 'fail', 'fail'] as const;
    expect(states([...before, 'pass', 'pass', 'pass', 'pass', 'pass', 'pass']).slice(2)).toEqual([
      'firing',
      'firing',
      'firing',
      'resolved',
      'inactive',
      'inactive',
      'inactive',
    ]);
  });

  it('is not over while there are too few samples', () => {
    expect(
      states(['fail', 'fail', 'fail', 'inconclusive', 'inconclusive', 'inconclusive', 'inconclusive']).at(-1),
    ).toBe('firing');
  });

  it('without a time follows the newest poll', () => {
    const timing = { pollMs: MINUTE, forMs: 0, polls: 0, keepFiringForMs: 0, historyMs: 0 };
    expect(states(['fail', 'inconclusive', 'pass', 'fail'], timing)).toEqual([
      'firing',
      'firing',
      'resolved',
      'firing',
    ]);
  });

  it('that counts polls fires after so many in a row, of which one without samples is none', () => {
    const timing = { ...TIMING, forMs: 0, polls: 3 };
    expect(states(['fail', 'fail', 'fail'], timing)).toEqual(['pending', 'pending', 'firing']);
    expect(states(['fail', 'fail', 'inconclusive', 'fail'], timing).at(-1)).toBe('pending');
  });
});
