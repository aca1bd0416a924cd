import type { Behaviour, Conditions } from './conditions.ts';
import type { Defect } from './scenarios.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Longer than any rollout here: 48 hours, the extensions, and the operator's breaks. */
const HOURS = 80;

/** Stable: 0.1 % errors, P95 5 ms, 95 % of queries above tau. */
const STABLE: Behaviour = { errorRate: 0.001, medianMs: 2.4, sigma: 0.45, qualityShare: 0.95 };
/** A cold cache: slower for 15 minutes after a raise, less and less so. */
const COLD_MS = 15 * MINUTE;
const COLD_TIMES = 1.6;

interface Spike {
  readonly fromMs: number;
  readonly toMs: number;
  readonly lanes: 'both' | 'stable' | 'candidate';
  readonly errors: number;
  readonly slower: number;
}

/**
 * Two days in production: traffic and latencies with the time of the day, spikes that hit both lanes or one of them, both lanes
 * drifting, gaps in the metrics, a cold cache after each raise; and what is wrong with the release.
 */
export class RestlessWorld implements Conditions {
  readonly expectedShare = STABLE.qualityShare;
  private readonly rate: number;
  private readonly defect: Defect;
  private readonly phase: number;
  private readonly drift: { readonly slower: number; readonly proxy: number; readonly errors: number };
  private readonly spikes: readonly Spike[];
  private readonly gaps: readonly (readonly [number, number])[];
  private t0Ms: number | null = null;

  constructor(rate: number, defect: Defect, random: () => number) {
    this.rate = rate;
    this.defect = defect;
    this.phase = random();
    this.drift = {
      slower: 0.3 * (random() - 0.3),
      proxy: 0.02 * (random() - 0.5),
      errors: 0.0006 * random(),
    };
    this.spikes = [
      // Longer ones at 100 % are emergencies to the runbook, and nobody could tell them from a release gone bad.
      ...times(4, random).map((fromMs) => spikeFrom(fromMs, 'both', 1, 6, random)),
      ...times(2, random).map((fromMs) => spikeFrom(fromMs, 'stable', 1, 3, random)),
      ...times(2, random).map((fromMs) => spikeFrom(fromMs, 'candidate', 1, 3, random)),
    ];
    this.gaps = times(1, random).map((fromMs) => [fromMs, fromMs + (1 + 9 * random()) * MINUTE]);
  }

  at(nowMs: number, raisedMs: number, percent: number) {
    if (raisedMs > -Infinity) this.t0Ms ??= raisedMs;
    const day = Math.sin(2 * Math.PI * (nowMs / (24 * HOUR) + this.phase));
    const wrong = this.wrongAt(nowMs, percent);
    const cold = raisedMs > -Infinity ? Math.max(0, 1 - (nowMs - raisedMs) / COLD_MS) * (COLD_TIMES - 1) : 0;
    const dark = wrong.dark === true || this.gaps.some(([from, to]) => nowMs >= from && nowMs < to);
    return {
      requestsPerSecond: this.rate * (1 + 0.5 * day),
      stable: this.behaviour(nowMs, day, 'stable', {}, 0),
      candidate: this.behaviour(nowMs, day, 'candidate', wrong, cold),
      metrics: !dark,
      split: wrong.split ?? 1,
    };
  }

  rAt5Drop(nowMs: number, percent: number): number {
    return this.wrongAt(nowMs, percent).proxy ?? 0;
  }

  private wrongAt(nowMs: number, percent: number): Defect {
    const { fromHour = 0, fromPercent = 0 } = this.defect;
    const begun = this.t0Ms !== null && nowMs >= this.t0Ms + fromHour * HOUR;
    return begun && percent >= fromPercent ? this.defect : {};
  }

  private behaviour(
    nowMs: number,
    day: number,
    lane: 'stable' | 'candidate',
    { errors = 0, slower = 1, proxy = 0 }: Defect,
    cold: number,
  ): Behaviour {
    const along = nowMs / (48 * HOUR);
    const hit = this.spikes.filter(
      ({ fromMs, toMs, lanes }) => nowMs >= fromMs && nowMs < toMs && (lanes === 'both' || lanes === lane),
    );
    const spiked = hit.reduce((factor, { slower: by }) => factor * by, 1);
    return {
      errorRate:
        STABLE.errorRate + this.drift.errors * along + errors + hit.reduce((sum, one) => sum + one.errors, 0),
      medianMs:
        STABLE.medianMs * (1 + 0.1 * day) * (1 + this.drift.slower * along) * slower * (1 + cold) * spiked,
      sigma: STABLE.sigma,
      qualityShare: STABLE.qualityShare + this.drift.proxy * along - proxy,
    };
  }
}

/** Moments that come so many times a day. */
function times(perDay: number, random: () => number): number[] {
  const n = Math.round((perDay * HOURS) / 24);
  return Array.from({ length: n }, () => random() * HOURS * HOUR);
}

function spikeFrom(
  fromMs: number,
  lanes: Spike['lanes'],
  leastMinutes: number,
  mostMinutes: number,
  random: () => number,
): Spike {
  const minutes = leastMinutes + (mostMinutes - leastMinutes) * random();
  return {
    fromMs,
    toMs: fromMs + minutes * MINUTE,
    lanes,
    errors: 0.01 + 0.09 * random(),
    slower: 1 + 2 * random(),
  };
}
