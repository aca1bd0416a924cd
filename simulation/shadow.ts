import type { ShadowCounters } from '../domain/metrics/snapshot.ts';
import { poisson } from './draws.ts';
import type { Behaviour } from './conditions.ts';

const NO_OVERLAP = Array.from({ length: 11 }, () => 0);
/** Of a lane's misses so many are of the lane and not of the query: there alike lanes differ as well. */
const OWN = 0.5;

/** Queries that were asked of both lanes: who found something above tau. */
export class SimulatedShadow {
  private seen: ShadowCounters;
  private readonly random: () => number;

  constructor({ stable, candidate }: { stable: string; candidate: string }, random: () => number) {
    this.random = random;
    this.seen = {
      release: candidate,
      against: stable,
      both: 0,
      onlyStable: 0,
      onlyCandidate: 0,
      neither: 0,
      overlap: NO_OVERLAP,
      selfOverlap: NO_OVERLAP,
    };
  }

  compare(expected: number, stable: Behaviour, candidate: Behaviour): void {
    const pairs = poisson(expected, this.random);
    const chance = pairs * (1 - stable.qualityShare) * OWN;
    const lost = pairs * (stable.qualityShare - candidate.qualityShare);
    const onlyStable = poisson(chance + Math.max(0, lost), this.random);
    const onlyCandidate = poisson(chance + Math.max(0, -lost), this.random);
    const neither = poisson(chance, this.random);
    const at = (counts: readonly number[], more: number) => counts.with(10, (counts[10] ?? 0) + more);
    const { seen } = this;
    this.seen = {
      ...seen,
      both: seen.both + Math.max(0, pairs - onlyStable - onlyCandidate - neither),
      onlyStable: seen.onlyStable + onlyStable,
      onlyCandidate: seen.onlyCandidate + onlyCandidate,
      neither: seen.neither + neither,
      overlap: at(seen.overlap, pairs),
      selfOverlap: at(seen.selfOverlap, Math.round(pairs / 4)),
    };
  }

  counters(): ShadowCounters {
    return this.seen;
  }
}
