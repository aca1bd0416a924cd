/** The two lanes that users' requests are split over. */
export type LaneName = 'stable' | 'candidate';

/** Points of the split's circle: a percent has two decimals. */
const POINTS = 10_000;

/**
 * Hashes to 32 bits that a split may have been begun with. One is added here, and never changed: a gateway that is deployed
 * in the middle of a rollout goes on with the one in its state, and no user moves.
 */
const HASHES: Readonly<Record<number, (text: string) => number>> = { 1: fnv1aWithFinaliser };

/** What a gateway of this version knows. */
export const SPLIT_VERSIONS: readonly number[] = Object.keys(HASHES).map(Number);
/** What a new split begins with. */
export const NEWEST_SPLIT = Math.max(...SPLIT_VERSIONS);

/**
 * Where a request key lies on the split's circle, 0 (inclusive) to 100 (exclusive), in percent. The salt is the candidate's
 * release: no group of users is the guinea pig each time.
 * @throws RangeError where the version is none of SPLIT_VERSIONS
 */
export function splitPoint(version: number, salt: string, requestKey: string): number {
  const hash = HASHES[version];
  if (hash === undefined)
    throw new RangeError(`splitVersion ${version} is not known; there are ${SPLIT_VERSIONS.join(', ')}`);
  return (hash(`${salt}\u0000${requestKey}`) % POINTS) / (POINTS / 100);
}

/** The lane of a key. Monotone in `percent`: nobody leaves the candidate while the percent rises. */
export function assignLane(version: number, salt: string, requestKey: string, percent: number): LaneName {
  return splitPoint(version, salt, requestKey) < percent ? 'candidate' : 'stable';
}

/**
 * 32-bit FNV-1a over UTF-16 code units with the finaliser of MurmurHash3, so that keys which differ in one character land
 * far apart.
 */
function fnv1aWithFinaliser(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  hash ^= hash >>> 16;
  return hash >>> 0;
}
