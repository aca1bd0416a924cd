import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ReleaseError } from '../release/manifest.ts';
import { parseNpy } from '../release/npy.ts';
import { LineError, linesOf } from '../../platform/text/lines.ts';
import { CONTEXT_LENGTH } from './next-chunk.ts';
import type { Probe } from './probe-check.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

/** A labelled query: five context vectors of `dimension` floats, and the id of the chunk that really came next. */
export interface LabelledQuery {
  readonly queryId: string;
  readonly goldId: string;
  /** Ids of the context's own chunks. */
  readonly exclude: readonly string[];
  readonly article: string;
  readonly context: readonly Float32Array[];
}

export interface EvaluationSet {
  readonly queries: readonly LabelledQuery[];
  readonly dimension: number;
}

const queryLine = z.object({
  query_id: z.string(),
  gold_id: z.string(),
  exclude: z.array(z.string()),
  article: z.string(),
});
const probeLine = z.object({ query: z.int().nonnegative(), ids: z.array(z.string()).min(1) });
const hitsLine = z.object({ query_id: z.string(), gold_id: z.string(), top_k: z.array(z.string()) });

export type Hits = z.infer<typeof hitsLine>;

/**
 * Reads a release's labelled queries (eval_queries.npy and .jsonl).
 * @throws ReleaseError naming file and line
 */
export async function loadEvaluationSet(dir: string): Promise<EvaluationSet> {
  const lines = await readLines(dir, 'eval_queries.jsonl', queryLine);
  const name = 'eval_queries.npy';
  const { shape, data } = parseVectors(name, await readFileOf(dir, name));
  const [rows, length, dimension = 0] = shape;
  if (shape.length !== 3 || rows !== lines.length || length !== CONTEXT_LENGTH)
    throw new ReleaseError(
      name,
      `has shape ${shape.join(' x ')}, not ${lines.length} x ${CONTEXT_LENGTH} x d`,
    );
  const queries = lines.map(({ query_id: queryId, gold_id: goldId, exclude, article }, i) => {
    const begin = i * CONTEXT_LENGTH * dimension;
    const context = Array.from({ length: CONTEXT_LENGTH }, (_, j) =>
      data.subarray(begin + j * dimension, begin + (j + 1) * dimension),
    );
    return { queryId, goldId, exclude, article, context };
  });
  return { queries, dimension };
}

/**
 * Reads a release's probes: labelled queries with the ids that it returned for them when it was built.
 * @throws ReleaseError naming file and line
 */
export async function loadProbes(dir: string): Promise<Probe[]> {
  const { queries } = await loadEvaluationSet(dir);
  const lines = await readLines(dir, 'probes.jsonl', probeLine);
  return lines.map(({ query, ids }) => {
    const labelled = queries[query];
    if (!labelled) throw new ReleaseError('probes.jsonl', `names query ${query} of ${queries.length}`);
    return { context: labelled.context, exclude: labelled.exclude, ids };
  });
}

/**
 * Reads a hits file: the 50 ids that each labelled query got.
 * @throws ReleaseError naming file and line
 */
export async function loadHits(dir: string, file: string): Promise<Hits[]> {
  return readLines(dir, file, hitsLine);
}

function parseVectors(name: string, bytes: Buffer) {
  try {
    return parseNpy(bytes);
  } catch (cause) {
    throw new ReleaseError(name, errorMessage(cause), { cause });
  }
}

async function readLines<T>(dir: string, file: string, schema: z.ZodType<T>): Promise<T[]> {
  const bytes = await readFileOf(dir, file);
  try {
    return Array.from(linesOf(bytes, file))
      .filter((line) => !line.isBlank)
      .map((line) => {
        const parsed = schema.safeParse(line.json());
        if (parsed.success) return parsed.data;
        const [issue] = parsed.error.issues;
        throw line.error(`${issue?.path.join('.')}: ${issue?.message}`);
      });
  } catch (error) {
    if (!(error instanceof LineError)) throw error;
    throw new ReleaseError(file, `line ${error.number}: ${error.reason}`, { cause: error });
  }
}

async function readFileOf(dir: string, file: string): Promise<Buffer> {
  return readFile(join(dir, file)).catch((cause: unknown) => {
    throw new ReleaseError(file, 'is missing', { cause });
  });
}
