import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { smallRelease } from '../../../fixtures/releases.ts';
import { tool } from '../../../support/tool-process.ts';

let good: string;
let badNorms: string;
beforeAll(async () => {
  good = await smallRelease('small');
  badNorms = await smallRelease('norms', 'bad-norms');
}, 300_000);

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

describe('index check-norms', () => {
  it('[P2.2] passes a good release and finds rows that are not normalised', async () => {
    expect((await tool('index check-norms', '--release', good)).code).toBe(0);
    const bad = await tool('index check-norms', '--index', join(badNorms, 'p_ivf.faiss'), '--json');
    expect(bad.code).toBe(1);
    expect(JSON.parse(bad.stdout).wrong).toBeGreaterThan(0);
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
