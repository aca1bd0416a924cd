/**
 * A number that came from outside. JSON turns NaN into null, and `null <= limit` is true, so a gate never sees a
 * bare number: what could not be measured says so, and why.
 */
export type MetricValue =
  | { readonly kind: 'value'; readonly value: number; /** samples behind the value */ readonly n: number }
  | { readonly kind: 'missing'; readonly reason: string }
  | { readonly kind: 'notApplicable'; readonly reason: string };

/** A measured value, or `missing` where it is not a finite number or stands on no samples. */
export function metricValue(value: number, n: number, what = 'the value'): MetricValue {
  if (!(n > 0)) return missing(`${what}: no samples`);
  if (!Number.isFinite(value)) return missing(`${what} is not a number`);
  return { kind: 'value', value, n };
}

/** "No data", with the reason. */
export function missing(reason: string): MetricValue {
  return { kind: 'missing', reason };
}

/** A row that has no meaning now, such as a reranker's latency while the reranker is off. */
export function notApplicable(reason: string): MetricValue {
  return { kind: 'notApplicable', reason };
}
