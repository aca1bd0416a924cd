import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buildRelease } from '../../retrieval/build/release-builder.ts';
import { verifyRelease } from '../../retrieval/release/verify.ts';
import type { CorpusChunk } from '../../retrieval/corpus/jsonl.ts';
import { formatChunk, readChunks } from '../../retrieval/corpus/jsonl.ts';
import { cachedVectorsFile } from '../../retrieval/encoder/corpus-vectors.ts';
import type { EncoderManifest } from '../../retrieval/encoder/manifest.ts';
import { encoderFolder } from '../../retrieval/encoder/manifest.ts';
import { openIndex } from '../../retrieval/index/open.ts';
import { formatNpy } from '../../retrieval/release/npy.ts';
import { ROOT } from '../../platform/node-command.ts';
import type { DataSet } from '../data.ts';
import { centreOf } from '../data.ts';
import { doubledEncoder } from './encoder.ts';
import { untrainedPredictors } from './predictors.ts';

/** A release of the synthetic vectors that lanes serve like any other. */
export interface BenchRelease {
  readonly version: string;
  /** RELEASES_DIR of the processes that serve it. */
  readonly releasesDir: string;
  /** MODELS_DIR of the processes that serve it. */
  readonly modelsDir: string;
  readonly dir: string;
  readonly set: DataSet;
}

const VERSION = 'bench';
/** Articles long enough for labelled queries, 100 chunks each; the evaluation then stays as small as the sample's. */
const LONG_ARTICLES = 15;
/** An article of five chunks holds no context with a next chunk. */
const SHORT = 5;

/**
 * The data set as a release, made by the project's own builder once for each data set: its vectors lie in the cache
 * that the builder looks into before it encodes. Texts are the sample's, again and again.
 */
export async function benchRelease(set: DataSet): Promise<BenchRelease> {
  const home = `${set.dir}-release`;
  const places = { releasesDir: join(home, 'releases'), modelsDir: join(home, 'models') };
  const release = { ...places, version: VERSION, dir: join(places.releasesDir, VERSION), set };
  // One that an older builder made would be refused by the lane.
  if (existsSync(home) && (await verifyRelease(release.dir)).ok) return release;
  await rm(home, { recursive: true, force: true });
  console.log(`building a release of ${set.name} ...`);
  await mkdir(dirname(home), { recursive: true });
  const aside = await mkdtemp(`${home}.`);
  try {
    await build(aside, set);
    await rename(aside, home);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return release;
}

async function build(home: string, set: DataSet): Promise<void> {
  const { folder, manifest } = await doubledEncoder(encoderFolder(ROOT), join(home, 'models'));
  const work = join(home, 'work');
  const predictorsDir = join(work, 'predictors');
  await untrainedPredictors(predictorsDir, manifest);
  const chunks = await chunksOf(set.rows);
  const corpus = join(work, 'corpus.jsonl');
  await writeFile(corpus, chunks.map((chunk) => `${formatChunk(chunk)}\n`).join(''));
  await cacheVectors(work, set, manifest, chunks);
  await buildRelease({
    corpus,
    version: VERSION,
    predictorsDir,
    encoderDir: folder,
    seed: 1,
    recipe: 'good',
    createdBy: 'npm run bench',
    flags: { impl: 'gru_v0', reranker: 'off', nprobe: 8 },
    releasesDir: join(home, 'releases'),
    cacheDir: work,
    threads: 1,
  });
  await rm(work, { recursive: true });
}

/** One chunk a row. Rows around the first centres are long articles, whose next chunk is near the ones before it. */
async function chunksOf(rows: number): Promise<CorpusChunk[]> {
  const sample = await readChunks(join(ROOT, 'artifacts/releases/v-1/corpus.jsonl'));
  const counted = new Map<number, number>();
  return Array.from({ length: rows }, (_, row) => {
    const centre = centreOf(row);
    const nth = counted.get(centre) ?? 0;
    counted.set(centre, nth + 1);
    const long = centre < LONG_ARTICLES;
    return {
      article: long ? `topic ${centre}` : `topic ${centre}, part ${Math.floor(nth / SHORT)}`,
      seq: long ? nth : nth % SHORT,
      text: sample[row % sample.length]?.text ?? '',
      id: `${centre}:${nth}`,
    };
  });
}

async function cacheVectors(
  cacheDir: string,
  { dir, rows, dimension }: DataSet,
  encoder: EncoderManifest,
  chunks: readonly CorpusChunk[],
): Promise<void> {
  if (encoder.dim !== dimension)
    throw new Error(`--dimension must be ${encoder.dim} to be served, not ${dimension}`);
  const flat = await openIndex(join(dir, 'p_flat_ip.faiss'));
  const data = flat.vectorsOf(Array.from({ length: rows }, (_, row) => row));
  flat.close();
  const texts = chunks.map(({ text }) => text);
  const file = cachedVectorsFile(cacheDir, encoder, texts);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, formatNpy({ shape: [rows, dimension], data }));
}
