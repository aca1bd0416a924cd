import { describe, expect, it } from 'vitest';
import type { LaneCounts } from '../../../domain/statistics/likelihood-ratio.ts';
import type { GrossFailureState } from '../../../domain/guard/gross-failure-detector.ts';
import { grossFailureStep } from '../../../domain/guard/gross-failure-detector.ts';
import { EMPTY } from '../../../domain/metrics/histogram.ts';
import type { HarmRule, Trigger } from '../../../domain/plan/plan.ts';
import type { PairedCounts } from '../../../domain/guard/concurrent-control.ts';
import type { Count } from '../../../domain/statistics/proportion.ts';
import { harmStep } from '../../../domain/guard/harm-detector.ts';
import type { HarmState } from '../../../domain/guard/harm-detector.ts';
import { binomial, poisson } from '../../../simulation/draws.ts';
import { seededRandom } from '../../../devstack/traffic/arrivals.ts';

/** The runbook's stages in minutes: 5 % for 2 hours, 25 % for 4, 50 % for 18, 100 % for 24. */
const STAGES = [
  [5, 120],
  [25, 240],
  [50, 1080],
  [100, 1440],
] as const;
const ROLLOUTS = 200;

const rule = (metric: HarmRule['metric'], tolerance: number): HarmRule => ({
  metric,
  over: null,
  tolerance,
  onAlarm: 'hold',
});
/** What the shipped plan watches, and how often it happens on both lanes: errors, slow requests (of all kinds, and of one), queries below tau. */
const WATCHED = [
  [rule('errorRate', 0.002), 0.001],
  [rule('endToEndP95', 0.02), 0.03],
  [rule('requestP95', 0.05), 0.03],
  [rule('qualityShortfall', 0.02), 0.05],
] as const;

/** The shipped plan's trigger that has a fast path. */
const TRIGGER: Trigger = {
  name: 'error rate',
  metric: 'errorRate',
  over: 0.01,
  overMs: 60_000,
  minSamples: 20,
  forMs: 600_000,
  polls: 0,
};

/** 48 hours, minute by minute; how often each lane goes wrong is the base rate and what the candidate has more. */
function alarmsIn48Hours(rate: number, more: number, random: () => number): boolean {
  let states: readonly (HarmState | null)[] = WATCHED.map(() => null);
  let fast: GrossFailureState | null = null;
  for (const [percent, minutes] of STAGES) {
    for (let minute = 0; minute < minutes; minute++) {
      const [candidate, stable] = [percent, 100 - percent].map((share) =>
        poisson((rate * 60 * share) / 100, random),
      );
      const lanes = WATCHED.map(([, base]): LaneCounts => ({
        candidate: { hits: binomial(candidate ?? 0, base + more, random), n: candidate ?? 0 },
        stable: { hits: binomial(stable ?? 0, base, random), n: stable ?? 0 },
      }));
      const emergency = grossFailureStep(fast, TRIGGER, minutesOf(lanes[0] ?? NOBODY));
      fast = emergency.state;
      const steps = WATCHED.map(([of], i) => harmStep(states[i] ?? null, of, lanes[i] ?? NOBODY, 0));
      if ([emergency, ...steps].some(({ alarm }) => alarm !== null)) return true;
      states = steps.map(({ state }) => state);
    }
  }
  return false;
}

const NOBODY: LaneCounts = { candidate: { hits: 0, n: 0 }, stable: { hits: 0, n: 0 } };

/** The same minutes of both lanes as the guard sees them, as far as errors go. */
function minutesOf({ candidate, stable }: LaneCounts): PairedCounts {
  const did = (release: string, errors: Count) => ({
    release,
    errors,
    endToEnd: EMPTY,
    kinds: {},
    quality: { hits: 0, n: 0 },
  });
  return { candidate: did('v0', candidate), stable: did('v-1', stable), inWarmUp: false };
}

function alarmShare(rate: number, more: number): number {
  const seeds = Array.from({ length: ROLLOUTS }, (_, i) => i + 1);
  return seeds.filter((seed) => alarmsIn48Hours(rate, more, seededRandom(seed))).length / ROLLOUTS;
}

describe(`the guard's CUSUMs and fast path over 48 hours, ${ROLLOUTS} times`, () => {
  it.each([1, 20, 500])('raise a false alarm in under 5 % without an effect at %i requests/s', (rate) => {
    const alarms = alarmShare(rate, 0);
    console.log(`false alarms in 48 hours at ${rate} requests/s: ${(alarms * 100).toFixed(0)} %`);
    expect(alarms).toBeLessThan(0.05);
  });

  it('raise one in under 5 % where the candidate has 0.1 points more of everything: that is tolerated', () => {
    expect(alarmShare(20, 0.001)).toBeLessThan(0.05);
  });

  it('are not blind: 1 point more is found each time', () => {
    expect(alarmShare(20, 0.01)).toBe(1);
  });
});
