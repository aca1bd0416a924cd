import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyRelease, smallRelease } from '../../fixtures/releases.ts';
import { tool, toolIn } from '../../support/tool-process.ts';

let work: string;
let good: string;
let badNorms: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'tools-'));
  good = await smallRelease('small');
  badNorms = await smallRelease('norms', 'bad-norms');
}, 300_000);
afterAll(() => rm(work, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(work, name), text);
  return join(work, name);
}

const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

describe('a tool', () => {
  it('says what it takes', async () => {
    const { code, stdout } = await tool('index check-norms', '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(/--index FILE .*\n[^]*0 passed, 1 failed, 2 usage error/);
  });

  it.each([
    ['an option that there is not', ['index check-norms', '--indx', 'x'], /indx/],
    [
      'a file that there is not',
      ['index check-norms', '--index', '/nowhere'],
      /--index: there is no \/nowhere/,
    ],
    ['nothing where it needs something', ['evaluate reranker'], /--hits is missing; --reranked is missing/],
    ['a number that is none', ['index check-overlap', '--n', 'ten'], /--n: must be a whole number/],
    ['one of two indexes', ['index check-overlap', '--flat', '/'], /either --release, or --flat and --ivf/],
  ])('refuses %s with exit code 2', async (_, [name = '', ...args], words) => {
    const { code, stderr } = await tool(name, ...args);
    expect(stderr).toMatch(words);
    expect(code).toBe(2);
  });

  it('prints an error as JSON too, and that is not "met"', async () => {
    const broken = await file('broken.faiss', 'no index');
    const { code, stdout } = await tool('index check-norms', '--index', broken, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      passed: false,
      error: expect.stringContaining('broken.faiss'),
    });
    expect(code).toBe(1);
  });
});

describe('index check-overlap', () => {
  it('passes a release, and its two indexes alone', async () => {
    const whole = await tool('index check-overlap', '--release', good, '--json');
    expect(JSON.parse(whole.stdout)).toMatchObject({ passed: true, queries: 27, nprobe: 8 });
    const files = ['--flat', join(good, 'p_flat_ip.faiss'), '--ivf', join(good, 'p_ivf.faiss')];
    const alone = await tool('index check-overlap', ...files, '--n', '50', '--json');
    expect(JSON.parse(alone.stdout)).toMatchObject({ passed: true, queries: 50 });
    expect(alone.code).toBe(0);
    const few = await tool('index check-overlap', ...files, '--nprobe', '1', '--json');
    expect(JSON.parse(few.stdout).overlap).toBeLessThan(JSON.parse(alone.stdout).overlap);
  });

  it('[P2.1] finds a serving index that holds other vectors than the truth', async () => {
    const files = ['--flat', join(good, 'p_flat_ip.faiss'), '--ivf', join(badNorms, 'p_ivf.faiss')];
    const { code, stdout } = await tool('index check-overlap', ...files, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ passed: false, queries: 100 });
    expect(code).toBe(1);
  });
});

describe('a check of two indexes', () => {
  const flatFile = () => join(good, 'p_flat_ip.faiss');
  const ivfFile = () => join(good, 'p_ivf.faiss');
  const queries = () => join(good, 'eval_queries.npy');
  const check = (...args: readonly string[]) => ['index check-overlap', ...args];
  const sweep = (...args: readonly string[]) => ['tune nprobe', '--queries', queries(), ...args];

  it.each([
    [
      'a truth with lists',
      () => check('--flat', ivfFile(), '--ivf', ivfFile()),
      /has 5 lists: it is no truth/,
    ],
    ['a serving index without', () => check('--flat', flatFile(), '--ivf', flatFile()), /has no lists/],
    ['a truth with lists, swept', () => sweep('--flat', ivfFile(), '--index', ivfFile()), /has 5 lists/],
    ['no lists to sweep', () => sweep('--flat', flatFile(), '--index', flatFile()), /has no lists/],
    ['nprobe beside a release', () => check('--release', good, '--nprobe', '4'), /--nprobe: a release is/],
    [
      'more lists than there are',
      () => check('--flat', flatFile(), '--ivf', ivfFile(), '--nprobe', '6'),
      /--nprobe: 6 is more than the 5 lists/,
    ],
    [
      'more lists than there are, swept',
      () => sweep('--flat', flatFile(), '--index', ivfFile(), '--nprobe-values', '4,100000'),
      /--nprobe-values: 100000 is more than the 5 lists/,
    ],
    ['more than all rows', () => check('--release', good, '--k', '100000'), /--k: 100000 is more than/],
    [
      'more than all rows of an index',
      () => check('--flat', flatFile(), '--ivf', ivfFile(), '--k', '100000'),
      /--k: 100000 is more than/,
    ],
  ])('refuses %s with exit code 2', async (_, call, words) => {
    const [name = '', ...args] = call();
    const { code, stderr } = await tool(name, ...args);
    expect(stderr).toMatch(words);
    expect(code).toBe(2);
  });

  it('sweeps as many lists as there are where nobody says how many', async () => {
    const { stdout } = await tool('tune nprobe', '--release', good, '--json', '--target-ms', '10000');
    expect(JSON.parse(stdout).trials.map(({ nprobe }: { nprobe: number }) => nprobe)).toEqual([4]);
  });
});

describe('index check-norms', () => {
  it('[P2.2] passes a good release and finds rows that are not normalised', async () => {
    expect((await tool('index check-norms', '--release', good)).code).toBe(0);
    const bad = await tool('index check-norms', '--index', join(badNorms, 'p_ivf.faiss'), '--json');
    expect(bad.code).toBe(1);
    expect(JSON.parse(bad.stdout).wrong).toBeGreaterThan(0);
  });
});

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

describe('tune nprobe', () => {
  it('[N3] picks an nprobe for a release, and holds with the Pareto table where the target is out of reach', async () => {
    const out = join(work, 'sweep.json');
    const args = ['--release', good, '--nprobe-values', '5,4'];
    const slow = await tool('tune nprobe', ...args, '--target-ms', '10000', '--out', out);
    expect(slow.code).toBe(0);
    const { choice, trials, queryCount } = JSON.parse(await readFile(out, 'utf8'));
    expect(queryCount).toBe(27);
    // Five lists are all there are: 5 is exact.
    expect(trials[0]).toMatchObject({ nprobe: 5, recall: 1, deltaPoints: 0, repeats: 4 });
    expect(choice.kind).toBe('chosen');
    const { code, stdout } = await tool('tune nprobe', ...args, '--target-ms', '0');
    expect(stdout).toMatch(/hold: no nprobe of 4, 5 .*\n {2}Pareto: nprobe=/);
    expect(code).toBe(1);
  });

  it('refuses half of what it needs', async () => {
    expect((await tool('tune nprobe', '--index', join(good, 'p_ivf.faiss'))).code).toBe(2);
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

describe('release freeze', () => {
  const git = (...args: readonly string[]) => execFileSync('git', args, { encoding: 'utf8' });

  it('[P1.2] sets the tag once, and refuses it for another content', async () => {
    const repository = await mkdtemp(join(work, 'repository-'));
    git('init', '--quiet', repository);
    const author = ['-c', 'user.name=t', '-c', 'user.email=t@example.org'];
    git('-C', repository, ...author, 'commit', '--quiet', '--allow-empty', '-m', 'first');
    git('-C', repository, 'config', 'user.name', 't');
    git('-C', repository, 'config', 'user.email', 't@example.org');
    const freeze = (dir: string) => tool('release freeze', '--release', dir, '--repository', repository);
    expect(await freeze(good)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('tag v0-retriever is set'),
    });
    expect(git('-C', repository, 'tag', '-n9')).toMatch(
      /^v0-retriever +small\n\s+checksums.txt sha256 [0-9a-f]{64}/,
    );
    expect(await freeze(good)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('was set for this content'),
    });
    expect(await freeze(badNorms)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('refused: tag'),
    });
    expect(git('-C', repository, 'tag', '-n9')).toMatch(/^v0-retriever +small\n/);
  });

  it('[P1.3] checks without a repository too, and names a file that was changed', async () => {
    const outside = await mkdtemp(join(work, 'outside-'));
    const words = `no tag is set: ${outside} is no git repository`;
    const alone = await toolIn({ cwd: outside }, 'release freeze', '--release', good);
    expect(alone).toMatchObject({ code: 0, stdout: expect.stringContaining(words) });
    const asked = await tool('release freeze', '--release', good, '--repository', outside);
    expect(asked).toMatchObject({ code: 1, stdout: expect.stringContaining(words) });
    const copy = await copyRelease(good, outside);
    await writeFile(join(copy, 'VERSION'), 'other\n');
    const changed = await tool('release freeze', '--release', copy, '--repository', outside);
    expect(changed).toMatchObject({ code: 1, stdout: expect.stringMatching(/^VERSION: has sha256/) });
  });

  it.runIf(process.getuid?.() === 0)(
    'says what to do in a repository of another user (as root)',
    async () => {
      const repository = await mkdtemp(join(work, 'foreign-'));
      git('init', '--quiet', repository);
      execFileSync('chown', ['-R', '54321:54321', repository]);
      const { code, stdout, stderr } = await tool(
        'release freeze',
        '--release',
        good,
        '--repository',
        repository,
      );
      expect([code, stderr]).toEqual([1, '']);
      expect(stdout).toContain(`no tag is set: the repository of ${repository} belongs to another user: `);
      expect(stdout).toContain(`git config --global --add safe.directory '${repository}'`);
    },
  );

  it('says that git is missing, and what it lacks, in a sentence of ours', async () => {
    const repository = await mkdtemp(join(work, 'new-'));
    git('init', '--quiet', repository);
    const ask = (env: NodeJS.ProcessEnv) =>
      toolIn({ env }, 'release freeze', '--release', good, '--repository', repository);
    expect(await ask({ PATH: '/nowhere' })).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('no tag is set: git is not installed, or not in PATH'),
    });
    // No commit to tag.
    expect(await ask({})).toMatchObject({
      code: 1,
      stderr: '',
      stdout: expect.stringContaining(
        `no tag is set: git does not work in ${repository}, which it puts as: `,
      ),
    });
  });

  it.each(['a/b', '..', 'v1..2', '-v1', 'v1.'])(
    'refuses the tag %j by the rule of all names',
    async (tag) => {
      const { code, stderr } = await tool('release freeze', '--release', good, `--tag=${tag}`);
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining('--tag: must be a name of 1 to 100 letters'),
      ]);
    },
  );
});
