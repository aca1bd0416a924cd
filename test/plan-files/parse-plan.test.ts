import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parsePlan } from '../../plan-files/parse-plan.ts';

const PLANS = new URL('../../plans/', import.meta.url);
const text = readFileSync(new URL('runbook-48h.yaml', PLANS), 'utf8');

/** The runbook's plan with one piece of its text replaced. */
function withText(piece: string, replacement: string): unknown {
  expect(text).toContain(piece);
  return parse(text.replace(piece, replacement));
}

describe('plans/', () => {
  it.each(readdirSync(PLANS).filter((file) => file.endsWith('.yaml')))('%s can be read', (file) => {
    const result = parsePlan(parse(readFileSync(new URL(file, PLANS), 'utf8')));
    expect(result.ok ? [] : result.problems).toEqual([]);
  });

  it("[B1] runbook-48h has the runbook's timeline", () => {
    const result = parsePlan(parse(text));
    if (!result.ok) throw new Error(result.problems.join());
    const hours = (ms: number) => ms / 3_600_000;
    expect(
      result.plan.stages.map(({ percent, atMs, decideAtMs }) => [percent, hours(atMs), hours(decideAtMs)]),
    ).toEqual([
      [5, 0, 0.5],
      [25, 2, 3],
      [50, 6, 8],
      [100, 24, 48],
    ]);
    expect(
      result.plan.guard.triggers.map(({ metric, over, forMs }) => [metric, over, forMs / 60_000]),
    ).toEqual([
      ['errorRate', 0.01, 10],
      ['endToEndP95', 20, 10],
      ['errorRate', 0.2, 0],
    ]);
    expect(result.plan.guard.rAt5DropOver).toBe(0.1);
  });
});

describe('a plan of before there was a choice of decision rules', () => {
  it('is judged sequentially, without margins, and with nothing that adds up', () => {
    const old = text
      .replace('decisionRule: sequentialTest', '')
      .replaceAll(/^ {4}margins: .*$/gm, '')
      .replace(/ {2}compareEvery: 1m\n {2}harms:\n( {4}- .*\n)+/, '');
    const result = parsePlan(parse(old));
    if (!result.ok) throw new Error(result.problems.join());
    const { decisionRule, guard, stages } = result.plan;
    expect([decisionRule, guard.harms, guard.compareEveryMs]).toEqual(['sequentialTest', [], 60_000]);
    expect(stages[0]?.margins).toEqual({ errorRate: 0, slow: 0, qualityShortfall: 0 });
  });
});

describe('a plan is refused', () => {
  it.each([
    [
      'with an unknown metric',
      'metric: retrievalP95',
      'metric: retrievalP96',
      'stages[0].rows[2].metric: must be one of errorRate',
    ],
    [
      'with a percent over 100',
      'percent: 25',
      'percent: 250',
      'stages[1].percent: must be a number over 0 and up to 100',
    ],
    [
      'with stages out of order',
      'percent: 25',
      'percent: 4',
      'stages[0]: out of order: 5 % comes before 4 %',
    ],
    [
      'that does not end at 100 %',
      'percent: 100',
      'percent: 90',
      'stages[3].percent: the last stage must have 100',
    ],
    [
      'with a decision after the next stage',
      'decideAt: 30m',
      'decideAt: 3h',
      "stages[0].decideAt: must not lie after the next stage's beginning",
    ],
    [
      '[A5] with a decision before the warm-up is over',
      'decideAt: 30m',
      'decideAt: 10m',
      'stages[0].decideAt: must not lie before the end of the warm-up',
    ],
    [
      'with a field that nobody knows',
      'confidence: 0.95',
      'confidence: 0.95\nconfidense: 0.9',
      'confidense: unknown field',
    ],
    [
      'with an action that nobody knows',
      'onFail: rollback',
      'onFail: explode',
      'stages[0].rows[1].onFail: must be one of hold, rollback',
    ],
    [
      'with a remediation step that nobody knows',
      'remediation: [nprobeDown]',
      'remediation: [nprobeSideways]',
      'stages[0].rows[2].remediation[0]: must be one of',
    ],
    [
      'with a limit in another unit',
      'warnAbove: 8ms',
      'warnAbove: 8 %',
      'stages[0].rows[2].warnAbove: must be a latency such as 8ms',
    ],
    ['with a duration that is a number', 'baseline: 15m', 'baseline: 15', 'baseline: must be a duration'],
    [
      'with a row that has no limit',
      'warnAbove: 8ms, ',
      '',
      'stages[0].rows[2].warnAbove: is missing, and so is failAbove',
    ],
    ['with a trigger that never fires', ', for: 10m }', ' }', 'guard.triggers[0].for: give either for'],
    [
      'with an evaluation row without an evaluation',
      'evaluate: start',
      '# no evaluation',
      'stages[2].evaluate: is needed by the row rAt5Drop',
    ],
    [
      'with a row that looks at a shadow that nobody asked for',
      'shadow: 10 %',
      '',
      'shadow: is needed by rows that look at it',
    ],
    [
      'with a monitor that is half required',
      'monitor: required',
      'monitor: perhaps',
      'monitor: must be one of required, not "perhaps"',
    ],
    [
      'with a decision rule that nobody knows',
      'decisionRule: sequentialTest',
      'decisionRule: jury',
      'decisionRule: must be one of sequentialTest, threshold',
    ],
    [
      'with a margin of what has none',
      'slow: 7 points',
      'slowly: 7 points',
      'stages[0].margins.slowly: unknown field',
    ],
    [
      'that tolerates no harm at all',
      'tolerance: 0.2 points',
      'tolerance: 0 points',
      'guard.harms[0].tolerance: must be over 0',
    ],
    [
      'with a harm that does not say what is slow',
      'over: x1.15, tolerance',
      'tolerance',
      'guard.harms[1].over: is missing; must be a ratio such as x1.15',
    ],
    ['with two stages of one name', 'name: ramp-25', 'name: canary-5', 'stages: canary-5 comes twice'],
  ])('%s', (_, piece, replacement, problem) => {
    const result = parsePlan(withText(piece, replacement));
    expect(result.ok ? '' : result.problems.join('\n')).toContain(problem);
  });

  it.each([[null], [undefined], ['text'], [[]], [42]])('that is %j', (raw) => {
    expect(parsePlan(raw).ok).toBe(false);
  });

  it('with all its problems at once', () => {
    const result = parsePlan(withText('percent: 25', 'percent: many\n    per_cent: 25'));
    expect(result.ok ? [] : result.problems).toHaveLength(2);
  });
});
