import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { pythonPackages } from '../../scripts/setup/python-packages.ts';
import { smallRelease } from '../fixtures/releases.ts';

const run = promisify(execFile);
const HERE = fileURLToPath(new URL('.', import.meta.url));
const REQUIREMENTS = join(HERE, 'requirements.txt');
const answer = z.object({
  problems: z.array(z.string()),
  numbers: z.object({ queries: z.number(), overlap: z.number(), spread: z.number() }),
});

let packages: string;
beforeAll(async () => {
  packages = await pythonPackages(REQUIREMENTS, join(HERE, '../../.data/test'));
}, 300_000);

/** What the independent script says of a release, whatever its exit code. */
async function evaluateIndependently(dir: string): Promise<z.infer<typeof answer> & { code: number }> {
  const env = { ...process.env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1' };
  const { stdout, code } = await run('python3', [join(HERE, 'evaluate.py'), dir], { env }).then(
    (done) => ({ ...done, code: 0 }),
    (failed: { stdout: string; stderr: string; code: number }) => {
      if (failed.stdout === '') throw new Error(failed.stderr);
      return failed;
    },
  );
  return { ...answer.parse(JSON.parse(stdout)), code };
}

describe('other tools, on the files of a release,', () => {
  it('find the numbers of its metrics.json, and indexes that agree', async () => {
    const { problems, numbers, code } = await evaluateIndependently(await smallRelease('small'));
    expect(problems).toEqual([]);
    expect(code).toBe(0);
    expect(numbers.queries).toBe(27);
    expect(numbers.overlap).toBeGreaterThanOrEqual(0.95);
    // Ties leave open at most one query of these.
    expect(numbers.spread).toBeLessThanOrEqual(1 / 27);
  });

  it('find out a release whose numbers are not its own', async () => {
    const { problems, code } = await evaluateIndependently(await smallRelease('ids', 'bad-ids'));
    expect(code).toBe(1);
    expect(problems).toContainEqual(
      expect.stringMatching(/^served\.R_at_5: metrics\.json says 0\.\d+, found 0\.\d+ to 0\.\d+$/),
    );
  });
});
