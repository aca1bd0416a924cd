import { notUnder, pollProblems, tooMuch } from '../plan/plan-consistency.ts';
import type { AlertRules } from './rules.ts';
import { ALERT_METRICS, BLIND, NOT_SEEN, NO_EVALUATION, NO_WEEKLY } from './rules.ts';

/** A mark of both lanes, and one poll of a rule on one lane, as JSON. */
const MARK_BYTES = 4_000;
const POLL_BYTES = 45;

/** What is wrong with rules whose fields are all right by themselves: each problem with its fields, their values, and what to do. */
export function alertRuleProblems({
  rules,
  pollMs,
  noTelemetry,
  keepFiringForMs,
  reminderMs,
}: AlertRules): string[] {
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
  const polls = rules.reduce((sum, { forMs }) => sum + Math.max(forMs, keepFiringForMs) / pollMs, 0);
  problems.push(
    ...pollProblems('poll', pollMs),
    ...notUnder('noTelemetry.after', noTelemetry.afterMs, 'poll', pollMs),
    ...notUnder('keepFiringFor', keepFiringForMs, 'poll', pollMs),
    ...notUnder('reminder', reminderMs, 'keepFiringFor', keepFiringForMs),
    ...tooMuch(
      (lookBackMs / pollMs + 2) * MARK_BYTES + polls * 2 * POLL_BYTES,
      'poll: the look-backs and times of all rules',
    ),
  );
  return problems;
}
