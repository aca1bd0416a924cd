export const MOST_SHARDS = 64;

/** Queries from..to (exclusive) of the release's labelled queries. */
export interface Shard {
  readonly from: number;
  readonly to: number;
}

/** Cuts the queries into shards of one size, give or take one. */
export function shardsOf(queries: number, wanted: number | null): Shard[] {
  const count = Math.max(1, Math.min(wanted ?? Math.ceil(queries / SHARD_QUERIES), queries, MOST_SHARDS));
  const at = (i: number) => Math.floor((i * queries) / count);
  return Array.from({ length: count }, (_, i) => ({ from: at(i), to: at(i + 1) }));
}

/** At most so many queries a shard, where nobody says how many shards. */
const SHARD_QUERIES = 250;
