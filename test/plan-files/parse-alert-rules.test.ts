import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseAlertRules } from '../../plan-files/parse-alert-rules.ts';

const text = readFileSync(new URL('../../plans/alerts/runbook.yaml', import.meta.url), 'utf8');

function problemsOf(piece: string, replacement: string): readonly string[] {
  expect(text).toContain(piece);
  const result = parseAlertRules(parse(text.replace(piece, replacement)));
  return result.ok ? [] : result.problems;
}

describe('alert rules', () => {
  it('[P4.4] that ship can be read', () => {
    expect(problemsOf('poll: 30s', 'poll: 30s')).toEqual([]);
  });

  it.each<[string, string, string, string]>([
    ['an unknown field', 'reminder: 4h', 'reminder: 4h\nremind: 4h', 'remind: unknown field'],
    [
      'an unknown field of a rule',
      '    over: 20ms',
      '    over: 20ms\n    overr: 1',
      'rules[0].overr: unknown field',
    ],
    ['an unknown metric', 'metric: endToEndP95', 'metric: p95', 'rules[0].metric: must be one of errorRate'],
    ['a limit in another unit', 'over: 20ms', 'over: 20 %', 'rules[0].over: must be a latency such as 8ms'],
    ['a limit on the wrong side', 'under: 80 %', 'over: 80 %', 'under: is missing'],
    [
      'a duration for an evaluation',
      'over: 10 points',
      'over: 10 points\n    for: 10m',
      'for: unknown field',
    ],
    [
      'a place that is not there',
      '{release} is {value}',
      '{lease} is {value}',
      'rules[0].says: must be a text with no other places than {lane}',
    ],
    ['a name twice', 'name: p95-warning', 'name: p95-critical', 'p95-critical comes twice'],
    ['a name that is taken', 'name: p95-warning', 'name: blind', 'blind comes twice, or is taken'],
    [
      'a start of what a person has to do',
      '{ do: largerNlist }',
      '{ do: largerNlist, how: start }',
      'largerNlist can only be proposed',
    ],
    ['polls too far apart', 'poll: 30s', 'poll: 3m', 'poll: must not be longer than 1m'],
    ['a time shorter than a poll', 'for: 10m', 'for: 10s', 'rules[0].for: 10s is shorter than poll'],
  ])('%s is a problem that names it', (_what, piece, replacement, says) => {
    expect(problemsOf(piece, replacement).join('\n')).toContain(says);
  });

  it.each([null, 7, [], 'alerts'])('%j is a problem and no crash', (raw) => {
    expect(parseAlertRules(raw).ok).toBe(false);
  });
});
