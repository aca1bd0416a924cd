import type { Histogram } from './histogram.ts';
import type { Strata } from './like-with-like.ts';
import { QUERY_KINDS } from './snapshot.ts';
import type { KindWindow } from './window.ts';

/** Metrics that are judged for each kind of queries by itself, and compared with stable alone. */
export const KIND_METRICS = ['encodeP95', 'requestP95'] as const;
export type KindMetric = (typeof KIND_METRICS)[number];

/** Kinds that a metric has: vectors are not encoded. */
export const KINDS_OF: Readonly<Record<KindMetric, readonly string[]>> = {
  encodeP95: QUERY_KINDS.filter((kind) => kind !== 'vector'),
  requestP95: QUERY_KINDS,
};

/** A kind with a smaller share of all queries is hardly any: few of its users are met, and waiting for its samples would hold every release. */
export const HARDLY_ANY = 0.02;

/** The latencies of a kind that can be compared with each other: those that a cache answered, and those for which the model ran. */
export function strataOf(metric: KindMetric, kind: KindWindow | undefined): Strata<Histogram> {
  if (kind === undefined) return {};
  return metric === 'encodeP95'
    ? { encoded: kind.encode }
    : { plain: kind.request, encoded: kind.encodedRequest };
}
