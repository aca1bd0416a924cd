/** The two lanes that users' requests are split over. */
export type LaneName = 'stable' | 'candidate';

/** Points of the split's circle: a percent has two decimals. */
const POINTS = 10_000;

/**
 * Where a request key lies on the split's circle, 0 (inclusive) to 100 (exclusive), in percent.
 * 32-bit FNV-1a over UTF-16 code units with the finaliser of MurmurHash3, so that keys which differ in one
 * character land far apart. The salt is the candidate's release: no group of users is the guinea pig each time.
 */
export function splitPoint(salt: string, requestKey: string): number {
  let hash = 0x811c9dc5;
  const text = `${salt}\u0000${requestKey}`;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  hash ^= hash >>> 16;
  return ((hash >>> 0) % POINTS) / (POINTS / 100);
}

/** The lane of a key. Monotone in `percent`: nobody leaves the candidate while the percent rises. */
export function assignLane(salt: string, requestKey: string, percent: number): LaneName {
  return splitPoint(salt, requestKey) < percent ? 'candidate' : 'stable';
}
