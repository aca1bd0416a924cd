/** How a lane behaves at a moment. */
export interface Behaviour {
  readonly errorRate: number;
  /** Retrieval is lognormal with this median and spread. */
  readonly medianMs: number;
  readonly sigma: number;
  /** Share of queries with a result above tau. */
  readonly qualityShare: number;
}

/** What is the case at a moment. */
export interface Moment {
  readonly requestsPerSecond: number;
  readonly stable: Behaviour;
  readonly candidate: Behaviour;
  /** Whether the metrics can be read. */
  readonly metrics: boolean;
  /** The candidate's share of the requests, as a multiple of what was set. */
  readonly split: number;
}

/**
 * What users and lanes do in a drawn world. Times are in ms since its start; `raisedMs` is when the percent last changed,
 * -Infinity before.
 */
export interface Conditions {
  at(nowMs: number, raisedMs: number, percent: number): Moment;
  /** R@5 that the candidate loses against what its release promises, at that time. */
  rAt5Drop(nowMs: number, percent: number): number;
  /** What both releases' metrics.json expect of the proxy. */
  readonly expectedShare: number;
}

/** Both lanes behave alike at all times, but for a cold start and short spikes that hit both, about twice an hour. */
export function calmWorld(behaviour: Behaviour, requestsPerSecond: number, random: () => number): Conditions {
  let spikeUntilMs = 0;
  return {
    at(nowMs) {
      if (nowMs >= spikeUntilMs && random() < 1 / 180) spikeUntilMs = nowMs + 10_000;
      const now = nowMs < spikeUntilMs ? { ...behaviour, medianMs: behaviour.medianMs * 3 } : behaviour;
      return { requestsPerSecond, stable: now, candidate: now, metrics: true, split: 1 };
    },
    rAt5Drop: () => 0,
    expectedShare: behaviour.qualityShare,
  };
}
