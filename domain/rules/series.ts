import type { Verdict } from '../core/verdict.ts';

/** One lane under one rule at one poll: `fail` beyond the limit; `inconclusive` is too few samples for either. */
export type RuleVerdict = Exclude<Verdict, 'warn'>;

interface PolledVerdict {
  readonly atMs: number;
  readonly verdict: RuleVerdict;
}

/**
 * The states of an alert in Prometheus. `pending`: a poll of the history fails, and that does not last yet.
 * `resolved`: the poll that ends what fired; the next one leaves that state.
 */
type RuleState = 'inactive' | 'pending' | 'firing' | 'resolved';

/** What one rule remembers of one lane. Plain JSON. */
export interface RuleSeries {
  /** Oldest first, as far back as the rule looks. */
  readonly polls: readonly PolledVerdict[];
  readonly state: RuleState;
  /** Whether the rule fires by its newest poll: it keeps firing for a while after that. */
  readonly lasts: boolean;
}

export interface RuleTiming {
  readonly pollMs: number;
  /** How long it has to fail before the rule fires; 0: the newest poll decides. */
  readonly forMs: number;
  /** So many polls in a row have to fail instead; 0: `forMs` decides. */
  readonly polls: number;
  /** How long a rule that fires has to pass before it resolves. */
  readonly keepFiringForMs: number;
  /** How far back polls are kept. */
  readonly historyMs: number;
}

/** Share of the polls with enough samples that a verdict needs. */
const SUSTAINED_SHARE = 0.8;
/** Longest silence between two polls that is still a watch. */
const LONGEST_GAP_MS = 120_000;

/** One more poll of a rule on a lane. Returns the series after it. */
export function ruleStep(
  before: RuleSeries | null,
  verdict: RuleVerdict,
  timing: RuleTiming,
  nowMs: number,
): RuleSeries {
  const { pollMs, keepFiringForMs, historyMs } = timing;
  const polls = [...(before?.polls ?? []), { atMs: nowMs, verdict }].filter(
    ({ atMs }) => atMs >= nowMs - historyMs,
  );
  const lasts = fires(polls, timing, nowMs);
  const hasPassed = !lasts && sustained('pass', polls, { forMs: keepFiringForMs, pollMs }, nowMs);
  const isFiring = lasts || (before?.state === 'firing' && !hasPassed);
  return { polls, lasts, state: isFiring ? 'firing' : notFiring(before?.state, polls) };
}

/** The newest poll's verdict. */
export function newestVerdict({ polls }: RuleSeries): RuleVerdict {
  return polls.at(-1)?.verdict ?? 'inconclusive';
}

/** Whether no poll that is remembered fails: one that passes amid others is no end. */
export function isOver({ polls }: RuleSeries): boolean {
  return polls.every(({ verdict }) => verdict !== 'fail');
}

function fires(polls: readonly PolledVerdict[], timing: RuleTiming, nowMs: number): boolean {
  if (timing.polls === 0) return sustained('fail', polls, timing, nowMs);
  const last = polls.slice(-timing.polls);
  return last.length === timing.polls && last.every(({ verdict }) => verdict === 'fail');
}

function notFiring(before: RuleState | undefined, polls: readonly PolledVerdict[]): RuleState {
  if (before === 'firing') return 'resolved';
  return polls.some(({ verdict }) => verdict === 'fail') ? 'pending' : 'inactive';
}

/**
 * Whether a verdict lasted for the whole time up to now: at least 80 % of the polls with enough samples have it, at
 * least half of the polls have enough, and none is missing for over 2 minutes.
 */
function sustained(
  verdict: 'fail' | 'pass',
  polls: readonly PolledVerdict[],
  { forMs, pollMs }: Pick<RuleTiming, 'forMs' | 'pollMs'>,
  nowMs: number,
): boolean {
  const within = polls.filter(({ atMs }) => atMs >= nowMs - forMs);
  const first = within[0];
  // The watch has to reach back over the whole time, but for one poll.
  if (first === undefined || nowMs - first.atMs < forMs - pollMs * 1.5) return false;
  const longestGapMs = Math.max(
    nowMs - (within.at(-1)?.atMs ?? nowMs),
    ...within.map(({ atMs }, i) => atMs - (within[i - 1]?.atMs ?? atMs)),
  );
  if (longestGapMs > LONGEST_GAP_MS) return false;
  const known = within.filter(({ verdict: at }) => at !== 'inconclusive');
  const alike = known.filter(({ verdict: at }) => at === verdict).length;
  return known.length > 0 && known.length * 2 >= within.length && alike >= SUSTAINED_SHARE * known.length;
}
