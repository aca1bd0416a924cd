import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tool } from '../../support/tool-process.ts';

let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'commands-'));
}, 300_000);
afterAll(() => rm(work, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(work, name), text);
  return join(work, name);
}

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
