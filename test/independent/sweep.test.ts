import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { normalNoise, seededRandom } from '../../retrieval/build/random.ts';
import { toUnitNorm } from '../../retrieval/encoder/pooling.ts';
import { buildIndexes } from '../../retrieval/index/build.ts';
import { formatNpy } from '../../retrieval/release/npy.ts';
import { pythonPackages } from '../../scripts/setup/python-packages.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** `SWEEP_ROWS=150000` for a release of the size that the runbook has in mind. */
const ROWS = Number(process.env['SWEEP_ROWS'] ?? 4_000);
const QUERIES = ROWS > 10_000 ? 500 : 200;
const DIMENSION = 32;
const NPROBES = ['1', '4', '8', '12', '16'];

let packages: string;
let work: string;
beforeAll(async () => {
  packages = await pythonPackages(join(ROOT, 'test/independent/requirements.txt'), join(ROOT, '.data/test'));
  work = await mkdtemp(join(tmpdir(), 'sweep-'));
}, 300_000);
afterAll(() => rm(work, { recursive: true }));

function unitVectors(n: number, random: () => number): Float32Array<ArrayBuffer> {
  const all = new Float32Array(n * DIMENSION);
  for (let i = 0; i < n; i++) all.set(toUnitNorm(normalNoise(DIMENSION, 1, random)), i * DIMENSION);
  return all;
}

it("nprobe-sweep finds what Python's faiss does at each nprobe, but for one query", async () => {
  const random = seededRandom(7);
  const nlist = Math.round(Math.sqrt(ROWS));
  await buildIndexes(work, { dimension: DIMENSION, vectors: unitVectors(ROWS, random), nlist, nprobe: 8 });
  const files = ['p_ivf.faiss', 'p_flat_ip.faiss', 'queries.npy'].map((name) => join(work, name));
  const [index = '', flat = '', queries = ''] = files;
  const out = join(work, 'tuning/sweep.json');
  await writeFile(queries, formatNpy({ shape: [QUERIES, DIMENSION], data: unitVectors(QUERIES, random) }));
  const args = ['--index', index, '--flat', flat, '--queries', queries, '--nprobe-values', NPROBES.join(',')];
  const tool = ['--import', 'tsx', join(ROOT, 'scripts/nprobe-sweep.ts'), ...args];
  // Random vectors have no clusters: IVF loses more than the rule allows, so the tool holds.
  const ended = run(process.execPath, [...tool, '--out', out], { cwd: ROOT });
  await expect(ended).rejects.toMatchObject({
    code: 1,
    stdout: expect.stringContaining('hold: no nprobe of 1, 4'),
  });
  const { trials } = JSON.parse(await readFile(out, 'utf8'));
  const env = { ...process.env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1' };
  const python = await run('python3', [join(ROOT, 'test/independent/sweep.py'), ...files, ...NPROBES], {
    env,
  });
  const theirs: Record<string, number[]> = JSON.parse(python.stdout);
  expect(trials.map(({ nprobe }: { nprobe: number }) => String(nprobe))).toEqual(NPROBES);
  for (const { nprobe, found, recall } of trials) {
    const expected = theirs[nprobe] ?? [];
    expect(found).toHaveLength(QUERIES);
    expect(
      found.filter((n: number, i: number) => n !== expected[i]).length,
      `at ${nprobe}`,
    ).toBeLessThanOrEqual(1);
    const theirRecall = expected.reduce((sum, n) => sum + n, 0) / (10 * QUERIES);
    if (process.env['SWEEP_ROWS'])
      console.log(`nprobe ${nprobe}: R@10 ${recall}, Python's faiss ${theirRecall}`);
    expect(Math.abs(recall - theirRecall)).toBeLessThanOrEqual(1 / QUERIES);
  }
  const recalls = trials.map(({ recall }: { recall: number }) => recall);
  expect(recalls).toEqual(recalls.toSorted((a: number, b: number) => a - b));
}, 300_000);
