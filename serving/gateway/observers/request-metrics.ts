import { LANE_HEADERS } from '../../../domain/control/http.ts';
import type { LaneName } from '../../../domain/control/traffic-split.ts';
import { isBinary } from '../../http/media-type.ts';
import type { LaneAnswer, LaneFault } from '../proxy/lane-client.ts';
import type { RequestOutcome } from '../proxy/request-outcome.ts';
import type { Labels, Metrics } from '../metrics.ts';

/** Step durations in ms out of a Server-Timing header: `predict;dur=0.2, search;dur=0.4`. */
export function readTimings(header: string | undefined): Record<string, number> {
  const timings: Record<string, number> = {};
  for (const part of (header ?? '').split(',')) {
    const [name = '', duration = ''] = part.trim().split(';dur=');
    const ms = Number(duration);
    if (name !== '' && duration !== '' && Number.isFinite(ms) && ms >= 0) timings[name] = ms;
  }
  return timings;
}

/** What the gateway has to know of a request's form. */
interface Form {
  readonly body: Buffer;
  readonly contentType: string;
  /** Of the address, from its question mark on. */
  readonly parameters: string;
}

/** The kind of a request that no lane answered. */
export function kindOf({ body, contentType, parameters }: Form): string {
  if (isBinary(contentType))
    return new URLSearchParams(parameters).get('kind') === 'context' ? 'context' : 'vector';
  try {
    const keys = Object.keys(JSON.parse(body.toString('utf8')) as object);
    const kind = ['context', 'vector', 'vector_b64', 'text'].find((name) => keys.includes(name)) ?? 'unknown';
    return kind === 'vector_b64' ? 'vector' : kind;
  } catch {
    return 'unknown';
  }
}

/** Whether a body asks with texts, by its bytes: parsing thousands of numbers to find out would cost more than the rest. */
export function holdsText({ body, contentType }: Omit<Form, 'parameters'>): boolean {
  if (isBinary(contentType)) return false;
  if (body.includes('"text"')) return true;
  const at = body.indexOf('"context"');
  return at >= 0 && /^"context"\s*:\s*\[\s*"/.test(body.toString('latin1', at, at + 64));
}

/** Counts a user's request by who was meant and who answered; of a prober's, that it came. */
export function countRequest(metrics: Metrics, outcome: RequestOutcome): void {
  const { state, request, kind, assigned, fallsBack, heard, last, tookMs, deadlineMs } = outcome;
  const labels = (lane: LaneName) => ({ lane, release: state.lanes[lane]?.release ?? '', kind });
  if (request.synthetic) {
    metrics.requests.inc({ ...labels(assigned), outcome: 'synthetic' });
    return;
  }
  if (heard.kind === 'answer') countAnswer(metrics, labels(assigned), heard, tookMs);
  else countFault(metrics, labels(assigned), heard, { deadlineMs, ofText: holdsText(request) });
  if (last.kind === 'fault') {
    if (last.why !== 'aborted') metrics.userErrors.inc({ ...labels(assigned) });
  } else if (last.status < 400) {
    const served = labels(fallsBack ? 'stable' : assigned);
    metrics.served.inc({ ...served, reason: fallsBack ? 'fallback' : 'assigned' });
  }
}

/** Counts an answer for the lane it was assigned to: what gates judge. */
function countAnswer(metrics: Metrics, labels: Labels, answer: LaneAnswer, tookMs: number): void {
  const ok = answer.status < 400;
  metrics.requests.inc({ ...labels, outcome: ok ? 'ok' : 'client_error' });
  if (!ok) return;
  const { model, predict = 0, search, rerank } = readTimings(answer.headers[LANE_HEADERS.timing]);
  metrics.request.observe({ ...labels, encoded: model === undefined ? 'no' : 'yes' }, tookMs / 1000);
  if (model !== undefined) metrics.encode.observe({ ...labels }, model / 1000);
  if (predict > 0) metrics.predict.observe({ ...labels }, predict / 1000);
  if (search !== undefined) {
    metrics.search.observe({ ...labels }, search / 1000);
    metrics.retrieval.observe({ ...labels }, (predict + search) / 1000);
    metrics.endToEnd.observe({ ...labels }, (predict + search + (rerank ?? 0)) / 1000);
  }
  if (rerank !== undefined) metrics.rerank.observe({ ...labels }, rerank / 1000);
  const quality = answer.headers[LANE_HEADERS.quality];
  if (quality !== undefined) metrics.quality.inc({ ...labels, hit: quality === 'hit' ? 'yes' : 'no' });
  const changed = answer.headers[LANE_HEADERS.rank1Changed];
  if (changed !== undefined) metrics.rank1.inc({ ...labels, changed });
}

/** Counts a request that its lane did not answer. A time-out was as slow as its deadline, at least; of a text the model is taken to have run. */
function countFault(
  metrics: Metrics,
  labels: Labels,
  fault: LaneFault,
  { deadlineMs, ofText }: { readonly deadlineMs: number; readonly ofText: boolean },
): void {
  const outcome = fault.why === 'warming' || fault.why === 'aborted' ? fault.why : 'error';
  metrics.requests.inc({ ...labels, outcome });
  if (fault.why !== 'timeout') return;
  metrics.request.observe({ ...labels, encoded: ofText ? 'yes' : 'no' }, deadlineMs / 1000);
  for (const histogram of [metrics.retrieval, metrics.endToEnd])
    histogram.observe({ ...labels }, deadlineMs / 1000);
}
