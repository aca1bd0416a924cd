import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildRelease } from '../../../retrieval/build/release-builder.ts';
import { readManifest, RELEASE_FILES } from '../../../retrieval/release/manifest.ts';
import { PREDICTORS, SMALL_CORPUS, smallBuild, smallRelease } from '../../fixtures/releases.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'build-release-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A corpus file with one change to the small corpus. */
async function corpusWith(name: string, change: (lines: string[]) => string[]): Promise<string> {
  const lines = (await readFile(SMALL_CORPUS, 'utf8')).trimEnd().split('\n');
  const file = join(folder, name);
  await writeFile(file, `${change(lines).join('\n')}\n`);
  return file;
}

/** A folder of predictors with one change to its manifest. */
async function predictorsWith(name: string, change: (manifest: string) => string): Promise<string> {
  const dir = join(folder, name);
  await cp(PREDICTORS, dir, { recursive: true });
  await writeFile(join(dir, 'manifest.json'), change(await readFile(join(dir, 'manifest.json'), 'utf8')));
  return dir;
}

describe('a release', () => {
  it('is the same bytes whenever it is built from the same input and seed', async () => {
    const shared = await smallRelease('twice');
    const { dir, kind } = await buildRelease(smallBuild(join(folder, 'again'), 'twice'));
    expect(kind).toBe('built');
    expect(await readFile(join(dir, 'checksums.txt'), 'utf8')).toBe(
      await readFile(join(shared, 'checksums.txt'), 'utf8'),
    );
    expect((await readdir(dir)).toSorted()).toEqual(
      [...RELEASE_FILES, 'checksums.txt', 'manifest.json'].toSorted(),
    );
  });

  it('[P1.3] passes sha256sum -c', async () => {
    const dir = await smallRelease('small');
    const { stdout } = await promisify(execFile)('sha256sum', ['-c', 'checksums.txt'], { cwd: dir });
    expect(stdout.match(/: OK$/gm)).toHaveLength(RELEASE_FILES.length + 1);
  });

  it('tells the predictors, the reranker and the evaluation to different articles', async () => {
    const { predictors, reranker, evaluationArticles } = await readManifest(await smallRelease('small'));
    const seen = [...predictors.amn_v0.trainingArticles, ...reranker.trainingArticles];
    expect(evaluationArticles.length).toBeGreaterThan(0);
    expect(evaluationArticles.filter((article) => seen.includes(article))).toEqual([]);
  });

  it('reports the last chunk and the mean beside the predictor', async () => {
    const dir = await smallRelease('small');
    const section = z.object({ R_at_5: z.number(), MRR: z.number() });
    const metrics = z
      .object({ plain: section, reranked: section, last_chunk: section, mean: section, R_at_5: z.number() })
      .parse(JSON.parse(await readFile(join(dir, 'metrics.json'), 'utf8')));
    // Served with the reranker on.
    expect(metrics.R_at_5).toBe(metrics.reranked.R_at_5);
    const card = await readFile(join(dir, 'AMN_v0.md'), 'utf8');
    expect(card).toContain(`| last chunk of the context | `);
    expect(card).toContain(metrics.last_chunk.R_at_5.toFixed(3));
  });

  it('stays as it is: the same again changes nothing, other content under its name is refused', async () => {
    const releasesDir = join(folder, 'existing');
    const options = smallBuild(releasesDir, 'v1');
    expect((await buildRelease(options)).kind).toBe('built');
    expect((await buildRelease(options)).kind).toBe('unchanged');
    const before = await readFile(join(releasesDir, 'v1/checksums.txt'), 'utf8');
    await expect(buildRelease({ ...options, seed: 2 })).rejects.toThrow(
      /differs from the one in .*name another version/,
    );
    expect(await readFile(join(releasesDir, 'v1/checksums.txt'), 'utf8')).toBe(before);
    expect(await readdir(releasesDir)).toEqual(['v1']);
  });

  it('is not begun where a build was killed: what that left is cleared away', async () => {
    const releasesDir = join(folder, 'killed');
    await cp(await smallRelease('small'), join(releasesDir, '.v1.part'), { recursive: true });
    await writeFile(join(releasesDir, '.v1.part/half a file'), '');
    const { dir } = await buildRelease(smallBuild(releasesDir, 'v1'));
    expect(await readdir(releasesDir)).toEqual(['v1']);
    expect(await readdir(dir)).not.toContain('half a file');
  });
});

describe('the builder refuses, and leaves nothing behind', () => {
  type Change = () => Promise<Partial<ReturnType<typeof smallBuild>>>;
  it.each<[string, Change, RegExp]>([
    [
      'a line of the corpus that is not valid, by its number and field',
      async () => ({
        corpus: await corpusWith('bad-line.jsonl', (lines) =>
          lines.with(6, '{"article":"Tides","seq":"one","text":"x"}'),
        ),
      }),
      /bad-line\.jsonl:7: seq: /,
    ],
    [
      'a predictor that was trained on articles of the evaluation',
      async () => {
        const { evaluationArticles } = await readManifest(await smallRelease('small'));
        const added = `"trainingArticles": [${JSON.stringify(evaluationArticles[0])},`;
        return {
          predictorsDir: await predictorsWith('overlap', (manifest) =>
            manifest.replace('"trainingArticles": [', added),
          ),
        };
      },
      /amn_v0 was trained on 1 articles that are for the evaluation: \w+/,
    ],
    [
      'predictors of another encoder',
      async () => ({
        predictorsDir: await predictorsWith('encoder', (manifest) =>
          manifest.replace(/"sha256": "[0-9a-f]{64}"/, `"sha256": "${'0'.repeat(64)}"`),
        ),
      }),
      /were trained on vectors of/,
    ],
    [
      'a predictor that is not the file its manifest names',
      async () => {
        const predictorsDir = await predictorsWith('changed', (manifest) => manifest);
        await writeFile(join(predictorsDir, 'gru_v0.onnx'), 'not the model');
        return { predictorsDir };
      },
      /gru_v0\.onnx is not the file its manifest\.json names/,
    ],
    [
      'a corpus too small to be split',
      async () => ({
        corpus: await corpusWith('one-article.jsonl', (lines) =>
          lines.filter((line) => line.includes('"article": "Pottery"')),
        ),
      }),
      /1 articles with six chunks or more; three are the least/,
    ],
  ])('%s', async (_, change, message) => {
    const releasesDir = await mkdtemp(join(folder, 'refused-'));
    await expect(buildRelease({ ...smallBuild(releasesDir, 'v1'), ...(await change()) })).rejects.toThrow(
      message,
    );
    expect(await readdir(releasesDir)).toEqual([]);
  });
});
