import { request } from 'undici';
import type { LaneFacts } from '../domain/lane-facts.ts';
import { LANE_FACTS } from '../domain/lane-facts.ts';
import type { Sample } from '../domain/metrics-text.ts';
import { parseMetricsText } from '../domain/metrics-text.ts';
import { LANE_RECALL } from '../domain/tuning-need.ts';

const WITHIN_MS = 5_000;

/** What the lane behind that address says of itself; null on any doubt. Throws only when `signal` aborts. */
export async function readLaneFacts(url: string | null, signal: AbortSignal): Promise<LaneFacts | null> {
  if (url === null) return null;
  try {
    const answer = await request(`${url}/metrics`, {
      signal: AbortSignal.any([AbortSignal.timeout(WITHIN_MS), signal]),
    });
    const text = await answer.body.text();
    return answer.statusCode === 200 ? factsOf(parseMetricsText(text)) : null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

function factsOf(samples: readonly Sample[]): LaneFacts | null {
  const value = (name: string, labels: Readonly<Record<string, string>> = {}): number | null => {
    const found = samples.find(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([key, wanted]) => sample.labels[key] === wanted),
    );
    return found !== undefined && Number.isFinite(found.value) ? found.value : null;
  };
  const startSeconds = value(LANE_FACTS.startSeconds);
  const largest = value(LANE_FACTS.listRows, { quantile: '1' });
  const median = value(LANE_FACTS.listRows, { quantile: '0.5' });
  const uptimeSeconds = value(LANE_FACTS.uptimeSeconds);
  if (startSeconds === null || uptimeSeconds === null) return null;
  return {
    startSeconds,
    uptimeSeconds,
    // A flat index has no lists, and shows none.
    lists: largest === null || median === null || largest === 0 ? null : { largest, median },
    norms: {
      n: value(`${LANE_FACTS.normError}_count`) ?? 0,
      error: value(`${LANE_FACTS.normError}_sum`) ?? 0,
    },
    recall: {
      queries: value(LANE_RECALL.queries) ?? 0,
      found: value(LANE_RECALL.neighbours, { found: 'yes' }) ?? 0,
      missed: value(LANE_RECALL.neighbours, { found: 'no' }) ?? 0,
    },
  };
}
