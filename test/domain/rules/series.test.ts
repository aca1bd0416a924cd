import { describe, expect, it } from 'vitest';
import type { RuleSeries, Standing } from '../../../domain/rules/series.ts';
import { ruleStep } from '../../../domain/rules/series.ts';

const MINUTE = 60_000;
const TIMING = { pollMs: MINUTE, forMs: 3 * MINUTE, clearForMs: 2 * MINUTE, historyMs: 3 * MINUTE };

/** The state after each poll, one a minute. */
function states(standings: readonly Standing[], timing = TIMING): string[] {
  const result: string[] = [];
  standings.reduce<RuleSeries | null>((before, standing, minute) => {
    const after = ruleStep(before, standing, timing, minute * MINUTE);
    result.push(after.state);
    return after;
  }, null);
  return result;
}

describe('a rule on a lane', () => {
  it('is pending from the first breach, and fires once the breach lasts', () => {
    expect(states(['clear', 'breach', 'breach', 'breach', 'breach'])).toEqual([
      'inactive',
      'pending',
      'pending',
      'pending',
      'firing',
    ]);
  });

  it('keeps firing until it is clear for long enough, and is resolved at one poll alone', () => {
    const before = ['breach', 'breach', 'breach'] as const;
    expect(states([...before, 'clear', 'clear', 'clear', 'clear', 'clear', 'clear']).slice(2)).toEqual([
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
    expect(states(['breach', 'breach', 'breach', 'few', 'few', 'few', 'few']).at(-1)).toBe('firing');
  });

  it('without a time follows the newest poll', () => {
    const timing = { pollMs: MINUTE, forMs: 0, clearForMs: 0, historyMs: 0 };
    expect(states(['breach', 'few', 'clear', 'breach'], timing)).toEqual([
      'firing',
      'firing',
      'resolved',
      'firing',
    ]);
  });
});
