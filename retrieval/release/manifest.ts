import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { NAME_RULE, isName } from '../../domain/core/name.ts';
import { JsonTextError, parseJsonBytes } from '../../platform/text/json.ts';

/** What is wrong with a release, and in which of its files. */
export class ReleaseError extends Error {
  readonly file: string;
  readonly reason: string;

  constructor(file: string, reason: string, options?: ErrorOptions) {
    super(`${file}: ${reason}`, options);
    this.name = 'ReleaseError';
    this.file = file;
    this.reason = reason;
  }
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256 in lower-case hex');
const articles = z.array(z.string().min(1));
const predictor = z.strictObject({ file: z.string(), sha256, trainingArticles: articles });

/** The switches a release is served under where nobody set others. */
export const flagsSchema = z.strictObject({
  impl: z.enum(['amn_v0', 'gru_v0']),
  reranker: z.enum(['on', 'off']),
  nprobe: z.int().positive(),
});

export const RECIPES = ['good', 'bad-norms', 'bad-ids', 'bad-predictor', 'bad-latency', 'bad-crash'] as const;
export type Recipe = (typeof RECIPES)[number];

/** manifest.json of a release: what it is made of, and how it is served. */
const releaseManifestSchema = z.strictObject({
  version: z.string().refine(isName, NAME_RULE),
  createdBy: z.string(),
  seed: z.int(),
  /** `good`, or the named fault that a sample release was built with. */
  recipe: z.enum(RECIPES),
  /** Family of the models; absent: the one that the runbook's limits were set for. Another has to pass a gate of its own. */
  backbone: z
    .string()
    .regex(/^[\w.-]{1,50}$/, 'may hold letters, digits, _ . and - only')
    .exactOptional(),
  /** Length of every vector. */
  dimension: z.int().positive(),
  /** Results of a search that names no number. */
  k: z.int().positive(),
  /** A query with a result of cosine >= tau counts as a hit of the quality proxy; expectedShare of context queries are. */
  tau: z.number(),
  expectedShare: z.number().min(0).max(1),
  flags: flagsSchema,
  encoder: z.strictObject({
    name: z.string(),
    sha256,
    tokenizerSha256: sha256,
    denseSha256: sha256.exactOptional(),
    /** Pooling, prefixes and the like. */
    settingsSha256: sha256,
  }),
  predictors: z.strictObject({ amn_v0: predictor, gru_v0: predictor }),
  reranker: z.strictObject({ trainingArticles: articles }),
  evaluationArticles: articles,
  nlist: z.int().positive(),
  ntotal: z.int().positive(),
  /** Rows that the lists of the IVF index were trained on; its own where absent. */
  ivfTrainedOn: z.int().positive().exactOptional(),
  /** Bytes of the ingest log that the corpus holds already; a lane replays what is behind them. */
  ingestOffset: z.int().nonnegative(),
  /** File name to sha256, of every file but this one and checksums.txt. */
  files: z.record(z.string(), sha256),
});

export type ReleaseManifest = z.infer<typeof releaseManifestSchema>;

/** Files that every release has, besides manifest.json and checksums.txt. */
export const RELEASE_FILES = [
  'p_flat_ip.faiss',
  'p_ivf.faiss',
  'p_ivf.codes',
  'corpus.jsonl',
  'amn_v0.onnx',
  'gru_v0.onnx',
  'reranker.onnx',
  'eval_queries.npy',
  'eval_queries.jsonl',
  'probes.jsonl',
  'hits_plain.jsonl',
  'hits_reranked.jsonl',
  'metrics.json',
  'VERSION',
  'AMN_v0.md',
  'GRU_v0.md',
] as const;

/**
 * Reads and checks a release's manifest.json.
 * @throws ReleaseError for `manifest.json`: missing, not JSON, or the wrong fields by name
 */
export async function readManifest(dir: string): Promise<ReleaseManifest> {
  const file = 'manifest.json';
  const bytes = await readFile(join(dir, file)).catch((cause: unknown) => {
    throw new ReleaseError(file, 'is missing', { cause });
  });
  const parsed = releaseManifestSchema.safeParse(jsonOf(file, bytes));
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`);
  throw new ReleaseError(file, issues.join('; '));
}

function jsonOf(file: string, bytes: Buffer): unknown {
  try {
    return parseJsonBytes(bytes);
  } catch (cause) {
    throw new ReleaseError(file, cause instanceof JsonTextError ? cause.message : 'is not JSON', { cause });
  }
}
