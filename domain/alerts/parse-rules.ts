import type { AlertMetric, AlertRule, AlertRules, Mitigation } from './rules.ts';
import {
  ALERT_METRICS,
  BLIND,
  MITIGATIONS,
  NOT_SEEN,
  NO_EVALUATION,
  NO_WEEKLY,
  PLACES,
  SEVERITIES,
} from './rules.ts';
import { STARTABLE } from './mitigation.ts';
import { notUnder, pollProblems, tooMuch } from '../plan/plan-consistency.ts';
import { Reader } from '../core/field-reader.ts';

export type ParsedAlertRules =
  | { readonly ok: true; readonly rules: AlertRules }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Alert rules out of what a YAML file holds, or everything that is wrong with it, each by its field. */
export function parseAlertRules(raw: unknown): ParsedAlertRules {
  const problems: string[] = [];
  const read = new Reader(raw, '', problems);
  const blind = read.nested('blind');
  const evaluations = read.nested('evaluations');
  const rules: AlertRules = {
    name: read.text('alerts'),
    describes: read.text('describes'),
    pollMs: read.durationMs('poll', 100),
    reminderMs: read.durationMs('reminder', 1_000),
    clearMs: read.durationMs('clearAfter', 500),
    blind: { afterMs: blind.durationMs('after', 500), severity: blind.oneOf('severity', SEVERITIES) },
    evaluations: {
      maxAgeMs: evaluations.durationMs('maxAge', 1_000),
      weeklyMaxAgeMs: evaluations.optional('weeklyMaxAge', (field) => evaluations.durationMs(field, 1_000)),
      severity: evaluations.oneOf('severity', SEVERITIES),
    },
    rules: read.list('rules', (rule, path) => ruleOf(new Reader(rule, path, problems))),
  };
  for (const reader of [blind, evaluations, read]) reader.noMore();
  if (problems.length === 0) problems.push(...namesProblems(rules));
  return problems.length === 0 ? { ok: true, rules } : { ok: false, problems };
}

function ruleOf(read: Reader): AlertRule {
  const metric = read.oneOf('metric', Object.keys(ALERT_METRICS) as AlertMetric[]);
  const severity = read.oneOf('severity', SEVERITIES);
  const name = read.text('name');
  // Without a known metric nothing else of a rule can be read rightly.
  const kind = ALERT_METRICS[metric] as (typeof ALERT_METRICS)[AlertMetric] | undefined;
  const polled = kind === undefined || kind.source === 'window' || kind.source === 'gauge';
  const rule: AlertRule = {
    name,
    severity,
    metric,
    limit: limitOf(read, kind?.worse ?? 'over', kind?.unit),
    forMs: polled ? read.durationMs('for', 500) : 0,
    lookBackMs: polled ? read.durationMs('lookBack', 500) : 0,
    minSamples: polled ? read.whole('minSamples', 1) : 1,
    says: saysOf(read),
    runbook: read.text('runbook'),
    risk: read.optional('risk', (field) => read.text(field)),
    mitigate: read.list('mitigate', (item, path) => mitigationOf(new Reader(item, path, read.problems)), []),
  };
  read.noMore();
  return rule;
}

function saysOf(read: Reader): string {
  const known = `a text with no other places than {${PLACES.join('}, {')}}`;
  return read.value('says', `must be ${known}`, (value) => {
    if (typeof value !== 'string' || value.trim() === '') return null;
    const places = [...value.matchAll(/\{(.*?)\}/g)].map(([, place]) => place);
    return places.every((place) => PLACES.some((one) => one === place)) ? value : null;
  });
}

function mitigationOf(read: Reader): Mitigation {
  const mitigation: Mitigation = {
    do: read.oneOf('do', MITIGATIONS),
    how: read.oneOf('how', ['propose', 'start'], 'propose'),
  };
  read.noMore();
  if (mitigation.how === 'start' && !(STARTABLE as readonly string[]).includes(mitigation.do))
    read.wrong('how', `${mitigation.do} can only be proposed; what can be started: ${STARTABLE.join(', ')}`);
  return mitigation;
}

const EXPECTED = {
  share: { pattern: /^(\d+(?:\.\d+)?) ?%$/, by: 100, words: 'a share such as 1 %' },
  points: { pattern: /^(\d+(?:\.\d+)?) points?$/, by: 100, words: 'points such as 5 points' },
  ms: { pattern: /^(\d+(?:\.\d+)?)ms$/, by: 1, words: 'a latency such as 20ms' },
  norm: { pattern: /^(\d+(?:\.\d+)?e-\d+)$/, by: 1, words: 'a distance such as 1e-5' },
  ratio: { pattern: /^x(\d+(?:\.\d+)?)$/, by: 1, words: 'a ratio such as x10' },
} as const;

/** A limit in its metric's unit, in the field that says on which side it is bad: another would be a mistake, not a rule. */
function limitOf(read: Reader, worse: 'over' | 'under', unit: keyof typeof EXPECTED | undefined): number {
  const { pattern, by, words } = EXPECTED[unit ?? 'share'];
  return read.value(worse, `must be ${words}`, (value) => {
    // YAML reads a distance as a number.
    const text = unit === 'norm' && typeof value === 'number' ? value.toExponential() : value;
    const match = typeof text === 'string' ? pattern.exec(text) : null;
    return match === null ? null : Number(match[1]) / by;
  });
}

/** A mark of both lanes, and one poll of a rule on one lane, as JSON. */
const MARK_BYTES = 4_000;
const POLL_BYTES = 45;

/** What is wrong with rules whose fields are all right by themselves. */
function namesProblems({ rules, pollMs, blind, clearMs, reminderMs }: AlertRules): string[] {
  const names = [BLIND, NO_EVALUATION, NO_WEEKLY, NOT_SEEN, ...rules.map(({ name }) => name)];
  const problems = names
    .filter((name, i) => names.indexOf(name) < i)
    .map((name) => `rules: ${name} comes twice, or is taken`);
  rules.forEach(({ forMs, lookBackMs, metric, limit }, i) => {
    const { unit, worse } = ALERT_METRICS[metric];
    if (forMs > 0) {
      problems.push(...notUnder(`rules[${i}].for`, forMs, 'poll', pollMs));
      problems.push(...notUnder(`rules[${i}].lookBack`, lookBackMs, 'poll', pollMs));
      problems.push(...notUnder(`rules[${i}].for`, forMs, `rules[${i}].lookBack`, lookBackMs));
    }
    // Memory and a corpus may grow by more than their size.
    if (
      unit === 'share' &&
      ALERT_METRICS[metric].source !== 'gauge' &&
      (worse === 'over' ? limit >= 1 : limit > 1)
    )
      problems.push(
        `rules[${i}].${worse}: ${limit * 100} % is no share that can be ${worse === 'over' ? 'exceeded' : 'met'}; give less`,
      );
  });
  const longest = (of: (rule: AlertRules['rules'][number]) => number) => Math.max(0, ...rules.map(of));
  const lookBackMs = longest((rule) => rule.lookBackMs);
  const polls = rules.reduce((sum, { forMs }) => sum + Math.max(forMs, clearMs) / pollMs, 0);
  problems.push(
    ...pollProblems('poll', pollMs),
    ...notUnder('blind.after', blind.afterMs, 'poll', pollMs),
    ...notUnder('clearAfter', clearMs, 'poll', pollMs),
    ...notUnder('reminder', reminderMs, 'clearAfter', clearMs),
    ...tooMuch(
      (lookBackMs / pollMs + 2) * MARK_BYTES + polls * 2 * POLL_BYTES,
      'poll: the look-backs and times of all rules',
    ),
  );
  return problems;
}
