import { setTimeout as pause } from 'node:timers/promises';
import type { Dispatcher } from 'undici';

/** A lane applies what is in the log within a second. */
const WITHIN_MS = 2_000;
const POLL_MS = 50;

/** Answer of a lane's `GET /chunk/{id}`. */
interface ChunkReport {
  readonly known: boolean;
  /** Bytes of the ingest log that the lane has applied; null where it follows none. */
  readonly offset: number | null;
}

/**
 * Whether the lane has a chunk of that id, once it has applied so many bytes of the log; null where it does not say so
 * in time. Never throws.
 */
export async function laneKnows(
  pool: Dispatcher | null,
  id: string,
  logBytes: number,
): Promise<boolean | null> {
  if (pool === null) return null;
  const signal = AbortSignal.timeout(WITHIN_MS);
  try {
    for (;;) {
      const answer = await pool.request({ method: 'GET', path: `/chunk/${encodeURIComponent(id)}`, signal });
      const { known, offset } = (await answer.body.json()) as ChunkReport;
      if (answer.statusCode !== 200) return null;
      if (offset === null || offset >= logBytes) return known;
      await pause(POLL_MS, undefined, { signal });
    }
  } catch {
    // Its fault or its slowness: what the id is, nobody knows then.
    return null;
  }
}
