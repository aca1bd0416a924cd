import { snapshotOf } from '../domain/metrics/parse-snapshot.ts';
import { LANE_METRICS } from '../domain/metrics/lane-self-metrics.ts';
import { parseMetricsText } from '../domain/metrics/prometheus-text.ts';
import type { SnapshotResult } from '../domain/metrics/snapshot.ts';
import { GATEWAY_METRICS } from '../domain/metrics/snapshot.ts';
import { scrape, scrapeText } from './scrape.ts';
import { errorMessage } from '../domain/core/error-message.ts';

/** Where gates get their numbers: the cumulative counters of one gateway's process. */
export interface MetricsSource {
  /** Cumulative counters now; `missing` with the reason on any doubt. Never throws but when `signal` aborts. */
  snapshot(signal?: AbortSignal): Promise<SnapshotResult>;
  /** What gates need and the source does not have; empty when all is there. Throws if the source does not answer. */
  lacking(): Promise<string[]>;
}

/** Families whose absence would be an outage of the metrics, not a zero: prom-client shows them from its start on. */
const NEEDED: readonly string[] = [
  ...Object.values(GATEWAY_METRICS),
  ...Object.values(LANE_METRICS),
  'process_start_time_seconds',
];

/** The gateway's /metrics as the source; `now` is the reader's clock in ms. */
export function createGatewayMetrics(
  gatewayUrl: string,
  now: () => number,
  timeoutMs = 5_000,
): MetricsSource {
  return {
    async snapshot(signal) {
      try {
        return {
          kind: 'snapshot',
          snapshot: snapshotOf(await scrape(gatewayUrl, { timeoutMs, signal }), now()),
        };
      } catch (error) {
        signal?.throwIfAborted();
        return { kind: 'missing', reason: `no metrics from the gateway: ${errorMessage(error)}` };
      }
    },
    async lacking() {
      const text = await scrapeText(gatewayUrl, { timeoutMs });
      parseMetricsText(text);
      const families = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]));
      return NEEDED.filter((name) => !families.has(name));
    },
  };
}
