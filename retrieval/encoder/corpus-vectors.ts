import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { writeWhole } from '../../platform/json-file.ts';
import { SettingsError, readSettings } from '../../domain/core/settings.ts';
import { formatNpy, parseNpy } from '../release/npy.ts';
import type { EncoderManifest } from './manifest.ts';
import { openEncoderPool } from './pool.ts';

export interface CorpusEncoding {
  /** n*dim floats, the passages' vectors in their order. */
  readonly vectors: Float32Array<ArrayBuffer>;
  readonly cached: boolean;
}

export interface EncodeCorpusOptions {
  readonly threads: number;
  readonly cacheDir: string;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Where downloads and vectors are kept outside the clone: RETRIEVER_CACHE, else the user's cache folder. @throws SettingsError where there is neither */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const { RETRIEVER_CACHE: own, XDG_CACHE_HOME: shared } = readSettings(
    env,
    'RETRIEVER_CACHE',
    'XDG_CACHE_HOME',
  );
  return own ?? join(shared ?? join(homeFolder(), '.cache'), 'retriever-rollout');
}

/** Of a user that this machine has no entry for, as in a container, nobody knows it. */
function homeFolder(): string {
  try {
    return homedir();
  } catch (cause) {
    throw new SettingsError('RETRIEVER_CACHE: has to name a folder, since this user has no home', { cause });
  }
}

/**
 * Vectors of the passages, from the cache where the same encoder has already encoded the same texts. Longest first,
 * so that no thread is left with the longest text at the end.
 */
export async function encodeCorpus(
  folder: string,
  manifest: EncoderManifest,
  texts: readonly string[],
  options: EncodeCorpusOptions,
): Promise<CorpusEncoding> {
  const file = cachedVectorsFile(options.cacheDir, manifest, texts);
  const cached = await readCached(file, texts.length, manifest.dim);
  if (cached) return { vectors: cached, cached: true };
  const vectors = new Float32Array(texts.length * manifest.dim);
  // Alone, even where batches are allowed: the same corpus must give the same bytes, whatever ran together.
  const pool = await openEncoderPool(folder, options.threads, { batching: false });
  try {
    let done = 0;
    const byLength = texts
      .map((text, row) => ({ text, row }))
      .toSorted((a, b) => b.text.length - a.text.length);
    const queue = byLength.values();
    const work = async () => {
      for (const { text, row } of queue) {
        vectors.set(await pool.encode(text, 'passage'), row * manifest.dim);
        options.onProgress?.(++done, texts.length);
      }
    };
    // Two texts under way for each thread keep it busy.
    await Promise.all(Array.from({ length: options.threads * 2 }, work));
  } finally {
    await pool.close();
  }
  await writeWhole(file, formatNpy({ shape: [texts.length, manifest.dim], data: vectors }));
  return { vectors, cached: false };
}

/** The .npy in which the vectors of these texts by this encoder are kept. */
export function cachedVectorsFile(
  cacheDir: string,
  manifest: EncoderManifest,
  texts: readonly string[],
): string {
  return join(cacheDir, 'vectors', `${contentKey(manifest, texts)}.npy`);
}

function contentKey(manifest: EncoderManifest, texts: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(manifest));
  for (const text of texts) hash.update(JSON.stringify(text));
  return hash.digest('hex');
}

/** A damaged file in the cache is as good as none. */
async function readCached(
  file: string,
  rows: number,
  dim: number,
): Promise<Float32Array<ArrayBuffer> | null> {
  try {
    const { shape, data } = parseNpy(await readFile(file));
    return shape[0] === rows && shape[1] === dim ? data : null;
  } catch {
    return null;
  }
}
