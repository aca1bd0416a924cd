import type { BlastRadius } from '../../domain/rollout/status/impact.ts';
import type { Outcome } from '../../domain/rollout/state.ts';
import type { TrafficReport } from '../../devstack/traffic/tally.ts';

/** What a demo has seen when its rollout has ended. */
export interface DemoResult {
  readonly release: string;
  readonly stable: string;
  readonly outcome: Outcome | null;
  /** Highest share of users, in percent, that the candidate had. */
  readonly highestPercent: number;
  /** From the rollback's trigger to all users on the old release; null where there was none. */
  readonly timeToSafeMs: number | null;
  /** Whether probes and /health say that the old release is back; null where nothing was rolled back. */
  readonly rollbackVerified: boolean | null;
  /** What the candidate did to users; null where it had none. */
  readonly blastRadius: BlastRadius | null;
  /** `.version` of /health at the end. */
  readonly version: string;
  /** The nprobe that users have at the end. */
  readonly nprobe: number;
  readonly traffic: TrafficReport;
}

type Ending = 'shipped' | 'refused' | 'rolledBack';

/** How the sample releases ought to end; any other release is taken for a good one. */
const ENDINGS: Readonly<Record<string, Ending>> = {
  'bad-norms': 'refused',
  'bad-ids': 'rolledBack',
  'bad-latency': 'shipped',
  'bad-predictor': 'rolledBack',
  'bad-crash': 'rolledBack',
};

/** Ships, but only once its nprobe was tuned down from what it comes with. */
const TOO_SLOW = 'bad-latency';
const SLOW_NPROBE = 8;

export function expectedEnding(release: string): Ending {
  return ENDINGS[release] ?? 'shipped';
}

/** What is not as the scenario should end, a sentence each; empty: all is well. */
export function differences(result: DemoResult): string[] {
  const expected = expectedEnding(result.release);
  const version = expected === 'shipped' ? result.release : result.stable;
  const byCandidate =
    Object.entries(result.traffic.byRelease).find(([release]) => release === result.release)?.[1] ?? 0;
  return [
    result.outcome !== expected && `the rollout ended ${result.outcome ?? 'not at all'} and not ${expected}`,
    result.version !== version && `/health says ${result.version} and not ${version}`,
    result.traffic.errors > 0 &&
      `users saw ${result.traffic.errors} errors, the last: ${result.traffic.lastError}`,
    result.traffic.answered === 0 && 'no user was answered',
    expected === 'refused' && byCandidate > 0 && `a refused release answered ${byCandidate} users`,
    expected === 'rolledBack' &&
      result.highestPercent >= 100 &&
      'all users had the bad release before it was taken back',
    result.release === TOO_SLOW &&
      result.nprobe >= SLOW_NPROBE &&
      `nprobe is ${result.nprobe}, and was not tuned down`,
    expected === 'rolledBack' && result.rollbackVerified !== true && 'the rollback is not verified',
  ].filter((difference) => difference !== false);
}
