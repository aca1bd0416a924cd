import { definitionOf } from '../metrics/registry.ts';
import type { GuardRules, Plan, Stage, Trigger } from './plan.ts';

/** The lease is renewed at a poll, and only where Temporal has answered within half of it: one poll that is late must not end it. */
const LEASE_POLLS = 4;
/** A watch with longer silences between its polls is none (sustained.ts), and one of them may be late. */
const LONGEST_POLL_MS = 60_000;
/** An older evaluation says nothing about today. */
export const EVALUATION_HOLDS_MS = 26 * 3_600_000;
/** Half of what Temporal takes as one payload (2 MB); a state beyond it is refused for ever, and nobody guards any more. */
const MOST_STATE_BYTES = 1_000_000;
/** As JSON: a snapshot of two lanes with three kinds of queries, what triggers keep of it, and a poll of a trigger on a lane (test/domain/rules/sizes.test.ts). */
const SNAPSHOT_BYTES = 24_000;
const SAMPLE_BYTES = 8_000;
const POLL_BYTES = 50;

/** What is wrong with a plan whose fields are all right by themselves: each problem with its fields, their values, and what to do. */
export function planProblems({
  stages,
  guard,
  shadowPercent,
  extendByMs,
  extendAtMost,
  ...plan
}: Plan): string[] {
  const last = stages.at(-1);
  if (last === undefined) return ['stages: at least one is needed'];
  const problems = stages.flatMap((stage, i) => stageProblems(stage, stages[i + 1], guard, `stages[${i}]`));
  if (last.percent !== 100)
    problems.push(`stages[${stages.length - 1}].percent: the last stage must have 100`);
  const shadowed = stages.some(({ rows }) =>
    rows.some(({ metric }) => definitionOf(metric).source === 'shadow'),
  );
  if (shadowed && !shadowPercent) problems.push('shadow: is needed by rows that look at it, such as 10 %');
  if (extendAtMost > 0) problems.push(...notUnder('extend.by', extendByMs, 'guard.poll', guard.pollMs));
  problems.push(
    ...notUnder('holdEvery', plan.holdEveryMs, 'guard.poll', guard.pollMs),
    ...guardProblems(guard),
    ...twins('stages', stages),
    ...twins('guard.triggers', guard.triggers),
  );
  return problems;
}

function guardProblems(guard: GuardRules): string[] {
  const { pollMs, leaseTtlMs, noTelemetryAfterMs, noTelemetryMaxMs, triggers } = guard;
  const problems = [
    ...pollProblems('guard.poll', pollMs),
    ...notUnder('guard.leaseTtl', leaseTtlMs, 'guard.poll', pollMs, LEASE_POLLS),
    ...notUnder('guard.noTelemetryAfter', noTelemetryAfterMs, 'guard.poll', pollMs, 2),
    ...notUnder('guard.compareEvery', guard.compareEveryMs, 'guard.poll', pollMs),
    ...triggers.flatMap((trigger, i) => triggerProblems(trigger, pollMs, `guard.triggers[${i}]`)),
    ...stateProblems(guard),
  ];
  if (noTelemetryMaxMs <= noTelemetryAfterMs)
    problems.push(
      `guard.noTelemetryMax: must be longer than noTelemetryAfter, and ${formatMs(noTelemetryMaxMs)} is not longer than ${formatMs(noTelemetryAfterMs)}: a person is asked before users are taken back; give more`,
    );
  return problems;
}

function triggerProblems(
  { metric, over, overMs, forMs, polls }: Trigger,
  pollMs: number,
  path: string,
): string[] {
  const problems = notUnder(`${path}.lookBack`, overMs, 'guard.poll', pollMs);
  if (polls === 0) {
    problems.push(...notUnder(`${path}.for`, forMs, 'guard.poll', pollMs, 2));
    if (forMs < overMs)
      problems.push(
        `${path}.for: ${formatMs(forMs)} is shorter than lookBack, ${formatMs(overMs)}: one burst is seen in all of it; give at least ${formatMs(overMs)}`,
      );
  }
  if (definitionOf(metric).unit !== 'ms' && over >= 1)
    problems.push(`${path}.over: ${over * 100} % cannot be exceeded; give less than 100 %`);
  return problems;
}

/** The guard's state holds the snapshot that opens a comparison, samples of the longest look-back, and polls of the longest rule. */
function stateProblems({ pollMs, triggers }: GuardRules): string[] {
  const longest = (of: (trigger: Trigger) => number) => Math.max(0, ...triggers.map(of));
  const lookBackMs = longest(({ overMs }) => overMs);
  const ruleMs = longest(({ forMs, polls }) => Math.max(forMs, polls * pollMs * 2));
  const bytes =
    SNAPSHOT_BYTES +
    (lookBackMs / pollMs + 2) * SAMPLE_BYTES +
    (ruleMs / pollMs + 1) * triggers.length * 2 * POLL_BYTES;
  return tooMuch(
    bytes,
    `guard.poll: at ${formatMs(pollMs)}, a lookBack of ${formatMs(lookBackMs)} and a rule of ${formatMs(ruleMs)}`,
  );
}

function stageProblems(
  stage: Stage,
  next: Stage | undefined,
  { pollMs }: GuardRules,
  path: string,
): string[] {
  const { atMs, warmUpMs, decideAtMs, windowMs, rows, evaluate } = stage;
  const problems = notUnder(`${path}.window`, windowMs, 'guard.poll', pollMs);
  const leftMs = decideAtMs - atMs - warmUpMs;
  if (leftMs < pollMs)
    problems.push(
      `${path}.decideAt: must not lie before the end of the warm-up and a poll: ${formatMs(decideAtMs)} leaves ${leftMs < 0 ? 'no time' : formatMs(leftMs)} to measure after at ${formatMs(atMs)} and warmUp ${formatMs(warmUpMs)}; give at least ${formatMs(atMs + warmUpMs + pollMs)}`,
    );
  const evaluated = rows.find(({ metric }) => definitionOf(metric).source === 'evaluation');
  if (evaluated !== undefined && evaluate === null)
    problems.push(`${path}.evaluate: is needed by the row ${evaluated.metric}`);
  if (evaluate === 'start' && decideAtMs - atMs > EVALUATION_HOLDS_MS)
    problems.push(
      `${path}.evaluate: an evaluation at the start is ${formatMs(decideAtMs - atMs)} old at decideAt, and none counts for longer than ${formatMs(EVALUATION_HOLDS_MS)}; use end`,
    );
  rows.forEach(({ metric, compareTo, warnAbove, failAbove }, i) => {
    const ratio = compareTo === 'stable' && definitionOf(metric).unit === 'ms';
    for (const [field, over] of Object.entries({ warnAbove, failAbove }))
      if (ratio && over !== null && over < 1)
        problems.push(
          `${path}.rows[${i}].${field}: x${over} of stable's P95 is faster than stable, which no good release has to be; give at least x1`,
        );
  });
  if (next === undefined) return problems;
  if (next.percent <= stage.percent)
    problems.push(`${path}: out of order: ${stage.percent} % comes before ${next.percent} %`);
  if (next.atMs < decideAtMs)
    problems.push(`${path}.decideAt: must not lie after the next stage's beginning`);
  return problems;
}

/** A time that has to last for several of another. */
export function notUnder(field: string, ms: number, unit: string, unitMs: number, times = 1): string[] {
  const leastMs = times * unitMs;
  if (ms >= leastMs) return [];
  const what = times === 1 ? `${unit}, ${formatMs(unitMs)}` : `${times} times ${unit}, ${formatMs(unitMs)}`;
  return [
    `${field}: ${formatMs(ms)} is shorter than ${what}; give at least ${formatMs(leastMs)}, or a shorter ${unit}`,
  ];
}

/** Polls that lie too far apart for any rule on what lasts. */
export function pollProblems(field: string, pollMs: number): string[] {
  return pollMs <= LONGEST_POLL_MS
    ? []
    : [
        `${field}: must not be longer than 1m, and is ${formatMs(pollMs)}: what lasts is judged by polls at most two minutes apart`,
      ];
}

/** A state that would not go through Temporal. */
export function tooMuch(bytes: number, what: string): string[] {
  if (bytes <= MOST_STATE_BYTES) return [];
  return [
    `${what} are about ${Math.round(bytes / 1000)} kB to remember, and ${MOST_STATE_BYTES / 1000} kB are the most; give a longer poll or shorter times`,
  ];
}

function twins(where: string, named: readonly { readonly name: string }[]): string[] {
  const names = named.map(({ name }) => name);
  return names.filter((name, i) => names.indexOf(name) < i).map((name) => `${where}: ${name} comes twice`);
}

/** As a plan has it: 90s, 2h. */
function formatMs(ms: number): string {
  const unit = (
    [
      ['h', 3_600_000],
      ['m', 60_000],
      ['s', 1_000],
    ] as const
  ).find(([, of]) => ms >= of && ms % of === 0);
  if (unit !== undefined) return `${ms / unit[1]}${unit[0]}`;
  return ms >= 1_000 ? `${ms / 1_000}s` : `${ms}ms`;
}
