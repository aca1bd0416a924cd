/** One lane's standing at one poll under one rule. */
export interface PolledStanding {
  readonly atMs: number;
  readonly standing: 'breach' | 'clear' | 'few';
}

/** Sustained: this share of the polls with enough samples. */
const SUSTAINED_SHARE = 0.8;
/** Longest silence between two polls that still counts as a sustained watch. */
const LONGEST_GAP_MS = 120_000;

/**
 * Whether a standing lasted for the whole time up to now: at least 80 % of the polls with enough samples have it, at
 * least half of the polls have enough, and none is missing for over 2 minutes.
 */
export function sustained(
  standing: 'breach' | 'clear',
  polls: readonly PolledStanding[],
  { forMs, pollMs }: { readonly forMs: number; readonly pollMs: number },
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
