import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Choice, IvfState } from '../../domain/maintenance/decisions.ts';
import { hasOutgrown, rebuildsIvf } from '../../domain/maintenance/decisions.ts';
import { releaseEncoderFolder } from '../encoder/release-encoder.ts';
import { buildBalancedIvf, listCount, refillIvf } from '../index/build.ts';
import { writeFlatIndex } from '../index/flat-file.ts';
import { sha256Of } from '../release/checksums.ts';
import { ReleaseError } from '../release/manifest.ts';
import { checkRowNorms } from '../release/norms.ts';
import { verifyRelease } from '../release/verify.ts';
import { buildRelease } from './release-builder.ts';
import type { WeeklyWork } from './weekly-work.ts';
import { readMerged, WORK_FILES } from './weekly-work.ts';

/** Starts of k-means, of which the most balanced index is kept. */
const STARTS = 4;
const CREATED_BY = 'workflow weeklyMaintenance';

/** Writes the exact index of the merged corpus; refuses vectors that are not of unit norm. */
export async function writeTruth(work: WeeklyWork): Promise<{ rows: number; dimension: number }> {
  const { vectors, chunks, manifest } = await readMerged(work);
  const { dimension } = manifest;
  const { wrong, worst } = checkRowNorms(vectors, dimension);
  if (wrong > 0)
    throw new Error(
      `${wrong} of ${chunks.length} vectors are not of unit norm, the worst is ${worst} from 1`,
    );
  await writeFlatIndex(join(work.workDir, WORK_FILES.truth), vectors, dimension);
  return { rows: chunks.length, dimension };
}

export interface PreparedIvf {
  readonly before: IvfState;
  readonly rebuilt: Choice;
  readonly nlist: number;
  readonly imbalance: number;
  readonly starts: readonly number[];
}

/** Puts the merged rows into the lists that there are; trains new ones where these no longer fit. */
export async function prepareIvf(work: WeeklyWork, say: (line: string) => void): Promise<PreparedIvf> {
  const { vectors, chunks, manifest } = await readMerged(work);
  const { dimension, flags, nlist } = manifest;
  const file = join(work.workDir, WORK_FILES.ivf);
  const build = { dimension, vectors, nprobe: flags.nprobe };
  const refilled = `${file}.${process.pid}.refilled`;
  say(`${chunks.length} rows into ${nlist} lists`);
  const balance = await refillIvf(refilled, join(work.baseDir, 'p_ivf.faiss'), build);
  const before = {
    trainedOn: manifest.ivfTrainedOn ?? manifest.ntotal,
    rows: chunks.length,
    ...balance,
  };
  const rebuilt = rebuildsIvf(before);
  if (!rebuilt.yes) {
    await rename(refilled, file);
    return { before, rebuilt, nlist, imbalance: balance.imbalance, starts: [] };
  }
  const lists = listCount(chunks.length);
  const built = await buildBalancedIvf(file, { ...build, nlist: lists }, STARTS, (start) =>
    say(`training ${lists} lists, start ${start + 1} of ${STARTS}`),
  );
  if (!hasOutgrown(before) && built.imbalance >= balance.imbalance) {
    await rename(refilled, file);
    const reason = `${rebuilt.reason}, but ${STARTS} starts were no better (${built.imbalance.toFixed(2)})`;
    const kept = { yes: false, reason };
    return { before, rebuilt: kept, nlist, imbalance: balance.imbalance, starts: built.starts };
  }
  return { before, rebuilt, nlist: built.nlist, imbalance: built.imbalance, starts: built.starts };
}

export interface WeeklyRelease {
  readonly version: string;
  readonly releasesDir: string;
  readonly reranker: 'old' | 'new';
  readonly ivfTrainedOn: number;
  /** Bytes of the ingest log that the merged corpus holds. */
  readonly ingestUntil: number;
}

/** Makes the release of what the steps left, verified as a rollout would verify it. */
export async function publishWeekly(
  work: WeeklyWork,
  { version, releasesDir, reranker, ivfTrainedOn, ingestUntil }: WeeklyRelease,
  say: (line: string) => void,
): Promise<{ dir: string; sha256: string }> {
  const { manifest, split } = await readMerged(work);
  const { workDir, baseDir } = work;
  const { dir } = await buildRelease({
    corpus: join(workDir, WORK_FILES.corpus),
    version,
    predictorsDir: baseDir,
    encoderDir: releaseEncoderFolder(manifest),
    seed: manifest.seed,
    recipe: 'good',
    createdBy: CREATED_BY,
    flags: manifest.flags,
    backbone: manifest.backbone,
    releasesDir,
    // Nothing is encoded: the vectors are there.
    cacheDir: workDir,
    threads: 1,
    ingestOffset: ingestUntil,
    prepared: {
      split,
      vectors: join(workDir, WORK_FILES.vectors),
      indexes: workDir,
      ivfTrainedOn,
      reranker:
        reranker === 'new'
          ? { file: join(workDir, WORK_FILES.reranker), trainingArticles: split.reranker }
          : {
              file: join(baseDir, 'reranker.onnx'),
              trainingArticles: manifest.reranker.trainingArticles,
            },
    },
    onProgress: (step, done, total) => say(done === undefined ? step : `${step} ${done} of ${total}`),
  });
  const { problems } = await verifyRelease(dir);
  const [problem] = problems;
  if (problem) throw new ReleaseError(problem.file, problem.reason);
  return { dir, sha256: await sha256Of(join(dir, 'checksums.txt')) };
}
