import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyRelease, smallRelease } from '../../../fixtures/releases.ts';
import { tool } from '../../../support/tool-process.ts';

let work: string;
let good: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'commands-'));
  good = await smallRelease('small');
}, 300_000);
afterAll(() => rm(work, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(work, name), text);
  return join(work, name);
}

const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

describe('evaluate reranker', () => {
  const hits = (ranks: readonly number[]) =>
    ranks.map((rank, i) => ({
      query_id: `q${i}`,
      gold_id: 'gold',
      top_k: Array.from({ length: 10 }, (_, at) => (at + 1 === rank ? 'gold' : `other${at}`)),
    }));

  it('[P2.3] pairs the queries whatever their order, and says the lift with its interval', async () => {
    const before = await file('before.jsonl', lines(hits([1, 7, 6, 2])));
    const after = await file('after.jsonl', lines(hits([1, 1, 6, 2]).toReversed()));
    const { code, stdout } = await tool('evaluate reranker', '--hits', before, '--reranked', after, '--json');
    const { lift, after: metrics } = JSON.parse(stdout);
    expect(lift.value).toBe(0.25);
    // Agresti and Min: one gained of four, with half a query in each of the four cells.
    expect((lift.interval.low + lift.interval.high) / 2).toBeCloseTo(1 / 6, 9);
    expect(lift.interval.low).toBeLessThan(0.25);
    expect(lift.interval.high).toBeGreaterThan(0.25);
    expect(metrics).toMatchObject({ R_at_1: 0.5, R_at_5: 0.75, R_at_10: 1 });
    expect(code).toBe(0);
    expect((await tool('evaluate reranker', '--hits', after, '--reranked', before)).code).toBe(1);
  });

  it('refuses files of other queries', async () => {
    const one = await file('one.jsonl', lines(hits([1, 2])));
    const other = await file(
      'other.jsonl',
      lines(hits([1, 2]).map((row, i) => ({ ...row, query_id: `x${i}` }))),
    );
    const { code, stderr } = await tool('evaluate reranker', '--hits', one, '--reranked', other);
    expect(stderr).toContain('query q0 is not in the second file');
    expect(code).toBe(1);
  });
});

describe('evaluate release', () => {
  it("[C2, M11] finds the release's own numbers, with intervals and articles, and writes them", async () => {
    const out = join(work, 'eval/clean.json');
    const { code } = await tool('evaluate release', '--release', good, '--out', out);
    expect(code).toBe(0);
    const found = JSON.parse(await readFile(out, 'utf8'));
    const { plain, reranked, ...own } = JSON.parse(await readFile(join(good, 'metrics.json'), 'utf8'));
    expect(found).toMatchObject({
      release: own.release,
      R_at_5: own.R_at_5,
      MRR: own.MRR,
      hits_at_5: own.hits_at_5,
    });
    expect(found.plain).toMatchObject(plain);
    expect(found.reranked).toMatchObject(reranked);
    const { low, high } = found.plain.intervals.R_at_10;
    expect(low).toBeLessThanOrEqual(plain.R_at_10);
    expect(high).toBeGreaterThanOrEqual(plain.R_at_10);
    const queries = found.perArticle.reduce((sum: number, row: { queries: number }) => sum + row.queries, 0);
    expect(queries).toBe(found.queries);
    expect(found.perArticle).toHaveLength(found.articles);
  });

  it('[M10] refuses a release whose models know an article of the evaluation', async () => {
    const copy = await copyRelease(good, work);
    const manifest = JSON.parse(await readFile(join(copy, 'manifest.json'), 'utf8'));
    const [article] = manifest.evaluationArticles;
    manifest.reranker.trainingArticles.push(article);
    await writeFile(join(copy, 'manifest.json'), JSON.stringify(manifest));
    const { code, stderr } = await tool('evaluate release', '--release', copy);
    expect(stderr).toContain(`reranker was trained on articles of the evaluation: ${article}`);
    expect(code).toBe(1);
  });
});

describe('evaluate encoder-family', () => {
  it('asks the labelled queries, and is met where nearly all of them are contained', async () => {
    const { code, stdout } = await tool('evaluate encoder-family', '--release', good, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ passed: true, containAt50: 1, queries: 27 });
    expect(code).toBe(0);
  });

  it('is not met by a release whose models know an article of the evaluation', async () => {
    const copy = await copyRelease(good, await mkdtemp(join(work, 'trained-')));
    const manifest = JSON.parse(await readFile(join(copy, 'manifest.json'), 'utf8'));
    manifest.predictors.amn_v0.trainingArticles.push(manifest.evaluationArticles[0]);
    await writeFile(join(copy, 'manifest.json'), JSON.stringify(manifest));
    const { code, stderr } = await tool('evaluate encoder-family', '--release', copy);
    expect(stderr).toContain('amn_v0 was trained on articles of the evaluation');
    expect(code).toBe(1);
  });
});

describe('evaluate compare', () => {
  const metrics = { R_at_5: 0.8, MRR: 0.6, Contain_at_50: 0.95 };
  it('takes no folder', async () => {
    const { code, stderr } = await tool('evaluate compare', '--before', good, '--after', good);
    expect(stderr).toContain(`--before: ${good} is a folder; give its metrics.json`);
    expect(code).toBe(2);
  });

  it.each([
    ['the same', {}, 0],
    ['2 points of R@5 lost', { R_at_5: 0.78 }, 0],
    ['an improvement', { R_at_5: 0.9 }, 0],
    ['3 points of R@5 lost', { R_at_5: 0.77 }, 1],
    ['Contain@50 below 0.80', { Contain_at_50: 0.79 }, 1],
    ['no R@5', { R_at_5: null }, 1],
  ])('[D7] with %s ends as it should', async (name, change, code) => {
    const before = await file(`${name} before.json`, JSON.stringify(metrics));
    const after = await file(`${name} after.json`, JSON.stringify({ metrics: { ...metrics, ...change } }));
    expect((await tool('evaluate compare', '--before', before, '--after', after)).code).toBe(code);
  });
});

describe('evaluate threshold', () => {
  it('[B2] finds a τ that the wanted share reaches, and the share that the release promised', async () => {
    const { code, stdout } = await tool('evaluate threshold', '--release', good, '--share', '0.5', '--json');
    const found = JSON.parse(stdout);
    const manifest = JSON.parse(await readFile(join(good, 'manifest.json'), 'utf8'));
    expect(found.current).toMatchObject({ tau: manifest.tau, expectedShare: manifest.expectedShare });
    expect(found.current.share).toBeCloseTo(manifest.expectedShare, 9);
    const high = JSON.parse((await tool('evaluate threshold', '--release', good, '--json')).stdout);
    expect(high.tau).toBeLessThan(found.tau);
    expect(code).toBe(0);
  });

  it('is not met by a release that no longer has that share', async () => {
    const copy = await copyRelease(good, await mkdtemp(join(work, 'tau-')));
    const manifest = JSON.parse(await readFile(join(copy, 'manifest.json'), 'utf8'));
    await writeFile(join(copy, 'manifest.json'), JSON.stringify({ ...manifest, tau: 0.999 }));
    expect((await tool('evaluate threshold', '--release', copy)).code).toBe(1);
  });
});
