import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { normalNoise, seededRandom } from '../../../retrieval/build/random.ts';
import { evaluateMergedCorpus, trainContender } from '../../../retrieval/build/weekly-models.ts';
import { prepareIvf, publishWeekly, writeTruth } from '../../../retrieval/build/weekly-release.ts';
import { once, readMerged, writeMerged } from '../../../retrieval/build/weekly-work.ts';
import { readChunks } from '../../../retrieval/corpus/jsonl.ts';
import { toUnitNorm } from '../../../retrieval/encoder/pooling.ts';
import { cleanEvaluation } from '../../../retrieval/evaluation/clean.ts';
import { openIndex } from '../../../retrieval/index/open.ts';
import { vectorToBase64 } from '../../../retrieval/ingest/record.ts';
import { logEnd } from '../../../retrieval/ingest/replay.ts';
import type { ReleaseManifest } from '../../../retrieval/release/manifest.ts';
import { readManifest } from '../../../retrieval/release/manifest.ts';
import { verifyRelease } from '../../../retrieval/release/verify.ts';
import { copyRelease, releasesFolder, smallRelease } from '../../fixtures/releases.ts';

const quiet = () => {};
let folder: string;
let releasesDir: string;
let baseDir: string;
let base: ReleaseManifest;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weekly-'));
  releasesDir = await releasesFolder(await smallRelease('small'));
  baseDir = join(releasesDir, 'small');
  base = await readManifest(baseDir);
}, 300_000);
afterAll(async () => {
  await rm(folder, { recursive: true });
  await rm(releasesDir, { recursive: true });
});

const random = seededRandom(7);
const vector = () => toUnitNorm(normalNoise(base.dimension, 1, random));

function put(id: string, article: string, seq: number, more: object = {}): object {
  const record = { op: 'put', id, article, seq, text: `text of ${id}` } as const;
  return {
    ...record,
    vector: vectorToBase64(vector()),
    encoder: base.encoder.sha256,
    ...more,
  };
}

/** A log with these records, and its end. */
async function logOf(name: string, records: readonly object[]) {
  const file = join(folder, name);
  await writeFile(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  return { file, until: (await logEnd(file, 0)).until };
}

const workOf = async () => ({ baseDir, workDir: await mkdtemp(join(folder, 'work-')) });

/** All steps but the last one's choice of the reranker. */
async function prepared(records: readonly object[]) {
  const work = await workOf();
  const log = await logOf(`log-${Math.random()}.jsonl`, records);
  const merge = await writeMerged(work, log);
  await writeTruth(work);
  const ivf = await prepareIvf(work, quiet);
  return { work, log, merge, ivf };
}

describe('a corpus', () => {
  it('[W1] takes in what came, what was replaced and what went', async () => {
    const [gone, changed] = await readChunks(join(baseDir, 'corpus.jsonl'), 'release');
    const work = await workOf();
    const log = await logOf('all.jsonl', [
      put('new-1', 'Kites', 0),
      put('new-2', 'Kites', 1),
      put(changed?.id ?? '', changed?.article ?? '', 1, { text: 'other words' }),
      put('short', 'Kites', 2),
      put('vector-only', 'Kites', 3, { text: '' }),
      put('foreign', 'Kites', 4, { text: '', encoder: 'another' }),
      { op: 'remove', id: gone?.id },
      { op: 'remove', id: 'short' },
      { op: 'remove', id: 'never was' },
      { op: 'noise' },
    ]);
    await appendFile(log.file, JSON.stringify(put('after', 'Kites', 9)));
    expect(await writeMerged(work, log)).toMatchObject({
      rowsBefore: base.ntotal,
      rows: base.ntotal + 2,
      added: 3,
      replaced: 1,
      removed: 1,
      passedOver: 2,
      newArticles: 1,
    });
    const { chunks, vectors } = await readMerged(work);
    const ids = chunks.map(({ id }) => id);
    expect(ids.slice(-3)).toEqual(['new-1', 'new-2', 'vector-only']);
    expect(ids).not.toContain(gone?.id);
    expect(chunks[0]).toMatchObject({ id: changed?.id, text: 'other words' });
    // What nobody touched has the vector that it had, to the bit.
    const index = await openIndex(join(baseDir, 'p_flat_ip.faiss'));
    expect(vectors.slice(base.dimension, 2 * base.dimension)).toEqual(index.vectorsOf([2]));
    index.close();
  }, 120_000);

  it('of another log than the release was built on is refused', async () => {
    const log = await logOf('short.jsonl', [put('one', 'Kites', 0)]);
    await expect(writeMerged(await workOf(), { ...log, until: log.until + 1 })).rejects.toThrow(
      'it is another log',
    );
  });
});

describe('the weekly release', () => {
  it('[D4, W2, W3.2] of a corpus that grew by over a tenth has new lists, is whole, and tells apart who saw what', async () => {
    const articles = ['Kites', 'Canals', 'Looms'];
    const records = articles.flatMap((article) =>
      Array.from({ length: 10 }, (_, seq) => put(`${article}#${seq}`, article, seq)),
    );
    const { work, log, merge, ivf } = await prepared(records);
    expect(merge).toMatchObject({ added: 30, newArticles: 3 });
    expect(ivf.rebuilt.yes).toBe(true);
    expect(ivf.starts.length).toBeGreaterThan(1);
    const evaluated = await evaluateMergedCorpus(work, 'weekly-1', quiet);
    expect(evaluated.ntotal).toBe(base.ntotal + 30);
    await trainContender(work, quiet);
    const options = {
      version: 'weekly-1',
      releasesDir,
      reranker: 'new',
      ivfTrainedOn: merge.rows,
      ingestUntil: log.until,
    } as const;
    const { dir, sha256 } = await publishWeekly(work, options, quiet);
    expect(await publishWeekly(work, options, quiet)).toEqual({ dir, sha256 });
    expect(await verifyRelease(dir)).toMatchObject({ ok: true, problems: [] });
    const manifest = await readManifest(dir);
    expect(manifest).toMatchObject({
      ntotal: base.ntotal + 30,
      nlist: ivf.nlist,
      ivfTrainedOn: base.ntotal + 30,
      ingestOffset: log.until,
      predictors: base.predictors,
    });
    // Nobody is asked what it has seen: refused otherwise.
    const clean = await cleanEvaluation(dir);
    expect(clean.ntotal).toBe(base.ntotal + 30);
    const learnt = new Set(manifest.reranker.trainingArticles);
    expect(base.reranker.trainingArticles.filter((article) => !learnt.has(article))).toEqual([]);
    expect(articles.filter((name) => learnt.has(name) || manifest.evaluationArticles.includes(name))).toEqual(
      articles,
    );
  }, 300_000);

  it('of an unchanged corpus keeps lists and reranker: a retrained reranker is the same', async () => {
    const { work, ivf, log } = await prepared([]);
    expect(ivf).toMatchObject({ rebuilt: { yes: false }, nlist: base.nlist, starts: [] });
    const { contest } = await trainContender(work, quiet);
    expect(contest).toMatchObject({ lostAt5: 0, gainedAt5: 0 });
    expect(contest.after).toEqual(contest.before);
    const { dir } = await publishWeekly(
      work,
      { version: 'weekly-2', releasesDir, reranker: 'old', ivfTrainedOn: 123, ingestUntil: log.until },
      quiet,
    );
    for (const file of [
      'p_ivf.faiss',
      'p_flat_ip.faiss',
      'corpus.jsonl',
      'reranker.onnx',
      'hits_reranked.jsonl',
    ])
      expect((await readFile(join(dir, file))).equals(await readFile(join(baseDir, file))), file).toBe(true);
    expect(await readManifest(dir)).toMatchObject({
      reranker: base.reranker,
      ivfTrainedOn: 123,
      evaluationArticles: base.evaluationArticles,
    });
  }, 300_000);

  it('of another family of models says so: its own gate is asked of it too', async () => {
    const { work, log } = await prepared([]);
    const family = await copyRelease(baseDir, await mkdtemp(join(folder, 'family-')));
    const declared = JSON.stringify({ ...base, backbone: 'two-tower' });
    await writeFile(join(family, 'manifest.json'), declared);
    const { dir } = await publishWeekly(
      { ...work, baseDir: family },
      { version: 'weekly-3', releasesDir, reranker: 'old', ivfTrainedOn: 123, ingestUntil: log.until },
      quiet,
    );
    expect(await readManifest(dir)).toMatchObject({ backbone: 'two-tower' });
  }, 300_000);
});

describe('a step of the work', () => {
  it('is not done twice, and done again where its process died before the end', async () => {
    const { workDir } = await workOf();
    let runs = 0;
    const step = () => once(workDir, 'merge', async () => ({ run: ++runs }));
    expect([await step(), await step()]).toEqual([{ run: 1 }, { run: 1 }]);
    await expect(once(workDir, 'truth', () => Promise.reject(new Error('killed')))).rejects.toThrow('killed');
    expect(await once(workDir, 'truth', async () => 'done')).toBe('done');
  });
});
