import type { LaneName } from '../../../domain/control/traffic-split.ts';
import type { Effect } from './effects.ts';
import { HOUR, MINUTE } from './effects.ts';

/** Longer than a rollout with its extensions. */
const HOURS = 60;

/** Standard normal numbers to draw from. */
export function normalTable(): Float64Array {
  const n = 4_096;
  return Float64Array.from({ length: n }, (_, i) => {
    const u = (i + 0.5) / n;
    const v = ((i * 0.618_033_988_75) % 1) * 2 * Math.PI;
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(v);
  });
}

/**
 * What happens to every service in two days, whatever its release: pauses and noisy neighbours of one machine, short trouble of a
 * shared dependency with edges, restarts, scrapes that fail. Sizes after J. Dean and L. A. Barroso, The Tail at Scale, CACM 2013,
 * and https://stspg.io/ddx4g8kp1990 (a DNS cache whose loss was felt gradually).
 */
export function usualLife(random: () => number): Effect[] {
  const some = (perDay: number, of: (fromMs: number) => Effect) =>
    Array.from({ length: Math.round((perDay * HOURS) / 24 + random() - 0.5) }, () =>
      of(random() * HOURS * HOUR),
    );
  const lane = (): LaneName => (random() < 0.5 ? 'stable' : 'candidate');
  const lasting = (fromMs: number, least: number, most: number) => ({
    fromMs,
    toMs: fromMs + (least + (most - least) * random() ** 2) * MINUTE,
  });
  return [
    ...some(12, (at) => ({ ...lasting(at, 0.3, 2), lane: lane(), tail: 0.2, tailTimes: 3 })),
    ...some(1, (at) => ({
      ...lasting(at, 3, 14),
      lane: lane(),
      slower: 1.2 + 0.6 * random(),
      edgeMs: MINUTE / 2,
    })),
    ...some(2, (at) => ({
      ...lasting(at, 0.5, 4),
      errors: 0.005 + 0.02 * random(),
      slower: 1.3,
      edgeMs: MINUTE / 4,
    })),
    ...some(1, (at) => ({ ...lasting(at, 0.3, 1.5), lane: lane(), errors: 0.01 + 0.03 * random() })),
    ...some(6, (at) => ({ fromMs: at, toMs: at + 40_000, dark: true })),
    ...some(0.03, (at) => ({ ...lasting(at, 2, 6), dark: true })),
    ...some(0.05, (at) => ({ fromMs: at, toMs: at + 20_000, gatewayRestart: true })),
  ];
}

/** Traffic by the hour of the day; 1 on average. */
export function dayLoad(nowMs: number): number {
  return 1 + 0.6 * Math.sin((2 * Math.PI * nowMs) / (24 * HOUR));
}
