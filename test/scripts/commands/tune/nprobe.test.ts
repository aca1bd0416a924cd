import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallRelease } from '../../../fixtures/releases.ts';
import { tool } from '../../../support/tool-process.ts';

let work: string;
let good: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'commands-'));
  good = await smallRelease('small');
}, 300_000);
afterAll(() => rm(work, { recursive: true }));

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
