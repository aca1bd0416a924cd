import { join } from 'node:path';
import type { CorpusChunk } from '../corpus/jsonl.ts';
import { readChunks } from '../corpus/jsonl.ts';
import type { NativeIndex } from '../index/open.ts';
import { openIndex } from '../index/open.ts';
import type { Predictor } from '../predictor/predictor.ts';
import { openPredictor } from '../predictor/predictor.ts';
import type { Reranker } from '../reranker/reranker.ts';
import { openReranker } from '../reranker/reranker.ts';
import type { ReleaseManifest } from './manifest.ts';
import { ReleaseError } from './manifest.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

/** What answers queries, out of a release's files. */
export interface ServingParts {
  readonly index: NativeIndex;
  /** Row i of the index is line i. */
  readonly chunks: readonly CorpusChunk[];
  readonly predictors: { readonly amn_v0: Predictor; readonly gru_v0: Predictor };
  readonly reranker: Reranker;
  close(): Promise<void>;
}

/**
 * Opens an index and holds it against the manifest.
 * @throws ReleaseError naming the file: not readable, or another dimension, row or list count
 */
export async function openReleaseIndex(
  dir: string,
  file: 'p_ivf.faiss' | 'p_flat_ip.faiss',
  manifest: ReleaseManifest,
): Promise<NativeIndex> {
  const index = await named(file, openIndex(join(dir, file), codesOf(dir, file)));
  const expected = {
    dimension: manifest.dimension,
    ntotal: manifest.ntotal,
    nlist: file === 'p_ivf.faiss' ? manifest.nlist : null,
  };
  for (const what of ['dimension', 'ntotal', 'nlist'] as const) {
    if (index[what] === expected[what]) continue;
    index.close();
    throw new ReleaseError(file, `has ${what} ${index[what]}, manifest.json says ${expected[what]}`);
  }
  return index;
}

/** Lanes share the codes of the index that they search; the truth index is opened for a moment only. */
function codesOf(dir: string, file: string): { codes?: string } {
  return file === 'p_ivf.faiss' ? { codes: join(dir, 'p_ivf.codes') } : {};
}

/** @throws ReleaseError naming the file, as of an index */
async function openReleasePredictor(
  dir: string,
  impl: 'amn_v0' | 'gru_v0',
  manifest: ReleaseManifest,
): Promise<Predictor> {
  const file = `${impl}.onnx`;
  const predictor = await named(file, openPredictor(join(dir, file)));
  if (predictor.dimension === manifest.dimension) return predictor;
  await predictor.close();
  throw new ReleaseError(
    file,
    `has dimension ${predictor.dimension}, manifest.json says ${manifest.dimension}`,
  );
}

/** @throws ReleaseError if a line is not valid, or the number of lines is not that of the index's rows */
async function readCorpusMap(dir: string, manifest: ReleaseManifest): Promise<CorpusChunk[]> {
  const file = 'corpus.jsonl';
  const chunks = await named(file, readChunks(join(dir, file), 'release'));
  if (chunks.length !== manifest.ntotal)
    throw new ReleaseError(file, `has ${chunks.length} lines, manifest.json says ${manifest.ntotal} rows`);
  return chunks;
}

/** Opens everything that serving needs; what was opened is closed again if one part fails. */
export async function openServingParts(dir: string, manifest: ReleaseManifest): Promise<ServingParts> {
  const closers: (() => void | Promise<void>)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0)) await closer();
  };
  const opened = async <T extends { close(): void | Promise<void> }>(part: Promise<T>): Promise<T> => {
    const done = await part;
    closers.push(() => done.close());
    return done;
  };
  try {
    return {
      chunks: await readCorpusMap(dir, manifest),
      index: await opened(openReleaseIndex(dir, 'p_ivf.faiss', manifest)),
      predictors: {
        amn_v0: await opened(openReleasePredictor(dir, 'amn_v0', manifest)),
        gru_v0: await opened(openReleasePredictor(dir, 'gru_v0', manifest)),
      },
      reranker: await opened(named('reranker.onnx', openReranker(join(dir, 'reranker.onnx')))),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function named<T>(file: string, part: Promise<T>): Promise<T> {
  return part.catch((cause: unknown) => {
    throw new ReleaseError(file, errorMessage(cause), { cause });
  });
}
