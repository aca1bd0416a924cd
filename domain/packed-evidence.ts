import type { Evidence } from './reading.ts';

/**
 * Evidence in a tenth of its size: its histograms share their bounds, which stand once, and empty buckets at both ends
 * are left out. Everything else is as it was.
 */
export interface PackedEvidence {
  readonly bounds: readonly (readonly number[])[];
  readonly packed: unknown;
}

type Json = Readonly<Record<string, unknown>>;

interface PackedHistogram {
  /** Index into the shared bounds. */
  readonly bounds: number;
  /** Bucket of the first count. */
  readonly from: number;
  readonly buckets: readonly number[];
}

export function packEvidence(evidence: Evidence): PackedEvidence {
  return packHistograms(evidence);
}

/** The evidence as it was; what `packEvidence` did not make is the caller's to check. */
export function unpackEvidence(evidence: PackedEvidence): Evidence {
  return unpackHistograms(evidence);
}

/** Any plain JSON in the same way, such as all that a rollout knows. */
export function packHistograms(value: unknown): PackedEvidence {
  const bounds: (readonly number[])[] = [];
  return { bounds, packed: pack(value, bounds) };
}

/** What `packHistograms` was given; the type is the caller's to know. */
export function unpackHistograms<Value>({ bounds, packed }: PackedEvidence): Value {
  return unpack(packed, bounds) as Value;
}

function pack(value: unknown, bounds: (readonly number[])[]): unknown {
  if (Array.isArray(value)) return value.map((item) => pack(item, bounds));
  if (!isObject(value)) return value;
  const { boundsMs, counts } = value;
  if (isNumbers(boundsMs) && isNumbers(counts)) return packHistogram(boundsMs, counts, bounds);
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, pack(of, bounds)]));
}

function packHistogram(
  boundsMs: readonly number[],
  counts: readonly number[],
  bounds: (readonly number[])[],
): PackedHistogram {
  const known = bounds.findIndex(
    (other) => other.length === boundsMs.length && other.every((bound, i) => bound === boundsMs[i]),
  );
  const index = known === -1 ? bounds.push(boundsMs) - 1 : known;
  const from = Math.max(
    0,
    counts.findIndex((count) => count !== 0),
  );
  const to = counts.findLastIndex((count) => count !== 0);
  return { bounds: index, from, buckets: counts.slice(from, to + 1) };
}

function unpack(value: unknown, bounds: PackedEvidence['bounds']): unknown {
  if (Array.isArray(value)) return value.map((item) => unpack(item, bounds));
  if (!isObject(value)) return value;
  const { bounds: index, from, buckets } = value;
  if (typeof index === 'number' && typeof from === 'number' && isNumbers(buckets)) {
    const boundsMs = bounds[index] ?? [];
    const counts = [...boundsMs, Infinity].map((_, i) => buckets[i - from] ?? 0);
    return { boundsMs, counts };
  }
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, unpack(of, bounds)]));
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}
