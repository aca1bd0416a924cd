import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { EvaluationRecord, EvaluationsResult } from '../../domain/alerts/evaluations.ts';
import { EVALUATION_KINDS } from '../../domain/evaluation/history.ts';
import { parseJsonBytes } from '../../platform/text/json.ts';
import { linesOf } from '../../platform/text/lines.ts';
import { releaseQuality } from './release-metrics.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

const share = z.number().min(0).max(1);

/** A line of history.jsonl. */
const historyLine = z.object({
  kind: z.enum(EVALUATION_KINDS),
  atMs: z.number(),
  release: z.string(),
  queries: z.int().positive(),
  R_at_5: share,
  Contain_at_50: share,
  expected_R_at_5: share.nullable().default(null),
  plain_R_at_5: share,
  reranked_R_at_5: share,
});

/** What a rollout writes of the live candidate. */
const liveEvaluation = z.object({
  kind: z.literal('evaluated'),
  atMs: z.number(),
  release: z.string(),
  queries: z.int().positive(),
  rAt5: share,
  containAt50: share,
  expected: z.object({ rAt5: share }),
});

const LIVE_FILE = /^(?:nightly|post_rollout)_.+\.json$/;
/** Longer ago than any rule looks. */
const KEPT_MS = 60 * 24 * 3_600_000;

/**
 * Reads what evaluations left in `<artifactsDir>/eval`: history.jsonl of the scheduled ones, and the files of a rollout's
 * own. A line or file of another shape is passed over: it may be half written.
 */
export function createEvaluationRecords(deps: {
  readonly artifactsDir: string;
  readonly releasesDir: string;
}): (nowMs: number) => Promise<EvaluationsResult> {
  const folder = join(deps.artifactsDir, 'eval');
  const promised = new Map<string, number | null>();
  const read = createRereader();

  async function expectedOf(release: string): Promise<number | null> {
    const known = promised.get(release);
    if (known !== undefined) return known;
    const quality = await releaseQuality(join(deps.releasesDir, release));
    // A release never changes; one that cannot be read may be on its way.
    if (quality !== null) promised.set(release, quality.rAt5);
    return quality?.rAt5 ?? null;
  }

  /** A nightly line knows which queries were left; a weekly one is older than its release, and has the base's promise. */
  async function expectedAt(
    line: Pick<z.infer<typeof historyLine>, 'kind' | 'release' | 'expected_R_at_5'>,
  ): Promise<number | null> {
    if (line.kind === 'nightly' && line.expected_R_at_5 !== null) return line.expected_R_at_5;
    return (await expectedOf(line.release)) ?? line.expected_R_at_5;
  }

  async function scheduled(): Promise<EvaluationRecord[]> {
    const file = join(folder, 'history.jsonl');
    const lines = Array.from(linesOf(await read(file), file));
    const entries = lines.flatMap((line) => historyLine.safeParse(orNull(() => line.json())).data ?? []);
    return Promise.all(
      entries.map(async ({ kind, atMs, release, queries, ...of }) => ({
        kind,
        atMs,
        release,
        queries,
        rAt5: of.R_at_5,
        expectedRAt5: await expectedAt({ kind, release, ...of }),
        containAt50: of.Contain_at_50,
        rerankLift: of.reranked_R_at_5 - of.plain_R_at_5,
      })),
    );
  }

  async function live(): Promise<EvaluationRecord[]> {
    const files = (await readdir(folder)).filter((name) => LIVE_FILE.test(name));
    const records = files.map(async (name) => {
      const bytes = await read(join(folder, name));
      const { data } = liveEvaluation.safeParse(orNull(() => parseJsonBytes(bytes)));
      if (data === undefined) return [];
      const { atMs, release, queries, rAt5, containAt50, expected } = data;
      const shares = { rAt5, containAt50, expectedRAt5: expected.rAt5, rerankLift: null };
      return [{ kind: 'live' as const, atMs, release, queries, ...shares }];
    });
    return (await Promise.all(records)).flat();
  }

  return async (nowMs) => {
    try {
      const all = [...(await scheduled()), ...(await live())];
      const records = all.filter(({ atMs }) => atMs >= nowMs - KEPT_MS).toSorted((a, b) => a.atMs - b.atMs);
      return { kind: 'evaluations', records };
    } catch (error) {
      if (isAbsent(error)) return { kind: 'missing', reason: `there is no ${folder} yet` };
      return { kind: 'missing', reason: errorMessage(error) };
    }
  };
}

/** A file's bytes, read again only when it has changed; empty where there is none. */
function createRereader(): (file: string) => Promise<Buffer> {
  const known = new Map<string, { readonly mark: string; readonly bytes: Buffer }>();
  return async (file) => {
    const found = await stat(file).catch((error: unknown) => {
      if (isAbsent(error)) return null;
      throw error;
    });
    if (found === null) return Buffer.alloc(0);
    const mark = `${found.mtimeMs}/${found.size}`;
    const before = known.get(file);
    if (before?.mark === mark) return before.bytes;
    const bytes = await readFile(file);
    known.set(file, { mark, bytes });
    return bytes;
  };
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function orNull(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return null;
  }
}
