import { join } from 'node:path';
import { z } from 'zod';
import { readText } from '../../platform/text/utf8.ts';
import type { ReleaseQuality } from '../../domain/core/release-quality.ts';

const share = z.number().min(0).max(1);

/** The part of a release's metrics.json that a rollout compares with; shares 0..1. */
const releaseMetrics = z.object({
  release: z.string(),
  queries: z.int().positive(),
  tau: z.number(),
  expectedShare: share,
  R_at_5: share,
  MRR: share,
  Contain_at_50: share,
  hits_at_5: z.array(z.string()),
});

export type ReleaseMetrics = z.infer<typeof releaseMetrics>;

/** Reads and checks metrics.json of a release's folder. Throws an error that names the file and the field. */
export async function readReleaseMetrics(dir: string): Promise<ReleaseMetrics> {
  const file = join(dir, 'metrics.json');
  const parsed = releaseMetrics.safeParse(JSON.parse(await readText(file)));
  if (parsed.success) return parsed.data;
  throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
}

/** What a release says of itself, or null where its metrics.json does not. */
export async function releaseQuality(dir: string): Promise<ReleaseQuality | null> {
  try {
    const metrics = await readReleaseMetrics(dir);
    return {
      release: metrics.release,
      tau: metrics.tau,
      expectedShare: metrics.expectedShare,
      rAt5: metrics.R_at_5,
      queries: metrics.queries,
    };
  } catch {
    return null;
  }
}

/**
 * Share of queries with a result above tau that a release promises; null where it does not say. A release never changes: it
 * is read once.
 */
export function createExpectedShares(releasesDir: string): (release: string) => Promise<number | null> {
  const known = new Map<string, number>();
  return async (release) => {
    const expected =
      known.get(release) ?? (await releaseQuality(join(releasesDir, release)))?.expectedShare ?? null;
    if (expected !== null) known.set(release, expected);
    return expected;
  };
}
