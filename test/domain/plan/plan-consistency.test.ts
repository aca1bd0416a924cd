import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseAlertRules } from '../../../plan-files/parse-alert-rules.ts';
import { parsePlan } from '../../../plan-files/parse-plan.ts';

const ROOT = new URL('../../../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, ROOT), 'utf8');
const files = (folder: string) =>
  readdirSync(new URL(folder, ROOT))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => folder + name);

/** The problems of the shipped file after these replacements, each a piece of its text and what comes in its place. */
function problems(file: string, replaced: Readonly<Record<string, string>>): readonly string[] {
  let text = read(file);
  for (const [piece, replacement] of Object.entries(replaced)) {
    expect(text).toContain(piece);
    text = text.replace(piece, replacement);
  }
  const result = file.includes('alerts') ? parseAlertRules(parse(text)) : parsePlan(parse(text));
  return result.ok ? [] : result.problems;
}
const plan = 'plans/runbook-48h.yaml';
const alerts = 'plans/alerts/runbook.yaml';
/** Between two fields of a row that has a line for each. */
const NEXT = '\n          ';

describe('files that ship and files of tests', () => {
  it.each([...files('plans/'), ...files('test/fixtures/plans/')])('%s contradicts itself nowhere', (file) => {
    const result = parsePlan(parse(read(file)));
    expect(result.ok ? [] : result.problems).toEqual([]);
  });

  it.each([...files('plans/alerts/'), ...files('test/fixtures/plans/alerts/')])(
    '%s contradicts itself nowhere',
    (file) => {
      const result = parseAlertRules(parse(read(file)));
      expect(result.ok ? [] : result.problems).toEqual([]);
    },
  );
});

describe('a plan whose fields contradict each other is refused', () => {
  it.each<[string, Readonly<Record<string, string>>, string]>([
    [
      'a lease that ends between two polls',
      { 'poll: 15s': 'poll: 2s', 'leaseTtl: 120s': 'leaseTtl: 1s' },
      'guard.leaseTtl: 1s is shorter than 4 times guard.poll, 2s; give at least 8s, or a shorter guard.poll',
    ],
    [
      'a lease of one poll',
      { 'leaseTtl: 120s': 'leaseTtl: 15s' },
      'guard.leaseTtl: 15s is shorter than 4 times',
    ],
    ['a lease of three polls', { 'leaseTtl: 120s': 'leaseTtl: 45s' }, 'give at least 1m'],
    [
      'polls too far apart',
      { 'poll: 15s': 'poll: 90s', 'leaseTtl: 120s': 'leaseTtl: 10m' },
      'guard.poll: must not be longer than 1m, and is 90s',
    ],
    [
      'blind after less than two polls',
      { 'noTelemetryAfter: 2m': 'noTelemetryAfter: 20s' },
      'guard.noTelemetryAfter: 20s is shorter',
    ],
    [
      'the end of blindness before its beginning',
      { 'noTelemetryMax: 30m': 'noTelemetryMax: 2m' },
      'guard.noTelemetryMax: must be longer than noTelemetryAfter, and 2m is not longer than 2m',
    ],
    [
      'a comparison shorter than a poll',
      { 'compareEvery: 1m': 'compareEvery: 10s' },
      'guard.compareEvery: 10s',
    ],
    [
      'a look-back shorter than a poll',
      { 'lookBack: 1m': 'lookBack: 10s' },
      'guard.triggers[0].lookBack: 10s',
    ],
    ['a lasting shorter than two polls', { 'for: 10m': 'for: 20s' }, 'guard.triggers[0].for: 20s is shorter'],
    [
      'a lasting shorter than its look-back',
      { 'lookBack: 1m, minSamples: 20, for: 10m': 'lookBack: 11m, minSamples: 20, for: 10m' },
      'guard.triggers[0].for: 10m is shorter than lookBack, 11m: one burst is seen in all of it',
    ],
    [
      'a look-back that no payload holds',
      { 'lookBack: 1m, minSamples: 20, for: 10m': 'lookBack: 1h, minSamples: 20, for: 2h' },
      'guard.poll: at 15s, a lookBack of 1h and a rule of 2h are about',
    ],
    ['a rule that no payload holds', { 'for: 10m': 'for: 30d' }, 'kB to remember'],
    ['an error rate that nothing exceeds', { 'over: 1 %': 'over: 100 %' }, 'guard.triggers[0].over: 100 %'],
    [
      'a window shorter than a poll',
      { 'window: 90m': 'window: 10s' },
      'stages[0].window: 10s is shorter than',
    ],
    [
      'a decision as the warm-up ends',
      { 'decideAt: 30m': 'decideAt: 15m' },
      'stages[0].decideAt: must not lie before the end of the warm-up and a poll',
    ],
    [
      'an extension shorter than a poll',
      { 'by: 30m': 'by: 5s' },
      'extend.by: 5s is shorter than guard.poll, 15s',
    ],
    [
      'a hold that is judged between polls',
      { 'holdEvery: 2h': 'holdEvery: 5s' },
      'holdEvery: 5s is shorter than',
    ],
    [
      'an evaluation too old at its decision',
      { 'at: 24h': 'at: 40h', 'decideAt: 8h': 'decideAt: 34h' },
      'stages[2].evaluate: an evaluation at the start is 28h old at decideAt',
    ],
    [
      'a latency that has to be better than stable',
      {
        [`metric: endToEndP95,${NEXT}compareTo: stable,${NEXT}warnAbove: x1.15`]:
          'metric: endToEndP95, compareTo: stable, warnAbove: x0.8',
      },
      ".warnAbove: x0.8 of stable's P95 is faster than stable",
    ],
    [
      'a harm that half of a good lane is',
      { 'over: x1.15, tolerance': 'over: x0.5, tolerance' },
      'guard.harms[1].over: must be at least x1',
    ],
    [
      'whole requests against a limit',
      {
        [`metric: requestP95,${NEXT}compareTo: stable,${NEXT}warnAbove: x1.15`]:
          'metric: requestP95, warnAbove: 20ms',
      },
      'compareTo: must be stable for requestP95: a text is encoded first',
    ],
  ])('%s', (_, replaced, says) => {
    expect(problems(plan, replaced).join('\n')).toContain(says);
  });
});

describe('alert rules whose fields contradict each other are refused', () => {
  it.each<[string, Readonly<Record<string, string>>, string]>([
    ['polls too far apart', { 'poll: 30s': 'poll: 3m' }, 'poll: must not be longer than 1m, and is 3m'],
    ['a time shorter than a poll', { 'for: 10m': 'for: 10s' }, 'rules[0].for: 10s is shorter than poll, 30s'],
    [
      'a look-back shorter than a poll',
      { 'lookBack: 1m': 'lookBack: 5s' },
      'rules[0].lookBack: 5s is shorter',
    ],
    [
      'a time shorter than its look-back',
      { 'lookBack: 1m': 'lookBack: 15m' },
      'rules[0].for: 10m is shorter than',
    ],
    [
      'blind before the second poll',
      { 'after: 3m': 'after: 10s' },
      'noTelemetry.after: 10s is shorter than poll',
    ],
    [
      'over between two polls',
      { 'keepFiringFor: 5m': 'keepFiringFor: 10s' },
      'keepFiringFor: 10s is shorter than poll',
    ],
    [
      'a reminder of what may be over',
      { 'reminder: 4h': 'reminder: 1m' },
      'reminder: 1m is shorter than keepFiringFor',
    ],
    [
      'an error rate that nothing exceeds',
      { 'over: 1 %': 'over: 100 %' },
      'rules[1].over: 100 % is no share',
    ],
    ['a time that no payload holds', { 'for: 10m': 'for: 30d' }, 'kB to remember'],
  ])('%s', (_, replaced, says) => {
    expect(problems(alerts, replaced).join('\n')).toContain(says);
  });
});
