/** One lane under one rule at one poll; `few` is too few samples for either. */
export type Standing = 'breach' | 'clear' | 'few';

export interface PolledStanding {
  readonly atMs: number;
  readonly standing: Standing;
}

/**
 * The states of an alert in Prometheus. `pending`: a poll of the history breaches, and the breach does not last yet.
 * `resolved`: the poll that ends what fired; the next one leaves that state.
 */
type RuleState = 'inactive' | 'pending' | 'firing' | 'resolved';

/** What one rule remembers of one lane. Plain JSON. */
export interface RuleSeries {
  /** Oldest first, as far back as the rule looks. */
  readonly polls: readonly PolledStanding[];
  readonly state: RuleState;
  /** Whether the breach lasts at the newest poll: a rule keeps firing for a while after that. */
  readonly lasts: boolean;
}

export interface RuleTiming {
  readonly pollMs: number;
  /** How long a breach lasts before the rule fires; 0: the newest poll decides. */
  readonly forMs: number;
  /** How long a rule that fires has to be clear before it resolves. */
  readonly clearForMs: number;
  /** How far back polls are kept. */
  readonly historyMs: number;
}

/** Share of the polls with enough samples that a standing needs. */
const SUSTAINED_SHARE = 0.8;
/** Longest silence between two polls that is still a watch. */
const LONGEST_GAP_MS = 120_000;

/** One more poll of a rule on a lane. Returns the series after it. */
export function ruleStep(
  before: RuleSeries | null,
  standing: Standing,
  { pollMs, forMs, clearForMs, historyMs }: RuleTiming,
  nowMs: number,
): RuleSeries {
  const polls = [...(before?.polls ?? []), { atMs: nowMs, standing }].filter(
    ({ atMs }) => atMs >= nowMs - historyMs,
  );
  const lasts = sustained('breach', polls, { forMs, pollMs }, nowMs);
  const isClear = !lasts && sustained('clear', polls, { forMs: clearForMs, pollMs }, nowMs);
  const fires = lasts || (before?.state === 'firing' && !isClear);
  return { polls, lasts, state: fires ? 'firing' : notFiring(before?.state, polls) };
}

function notFiring(before: RuleState | undefined, polls: readonly PolledStanding[]): RuleState {
  if (before === 'firing') return 'resolved';
  return polls.some(({ standing }) => standing === 'breach') ? 'pending' : 'inactive';
}

/**
 * Whether a standing lasted for the whole time up to now: at least 80 % of the polls with enough samples have it, at
 * least half of the polls have enough, and none is missing for over 2 minutes.
 */
export function sustained(
  standing: 'breach' | 'clear',
  polls: readonly PolledStanding[],
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
  const known = within.filter(({ standing: at }) => at !== 'few');
  const alike = known.filter(({ standing: at }) => at === standing).length;
  return known.length > 0 && known.length * 2 >= within.length && alike >= SUSTAINED_SHARE * known.length;
}
