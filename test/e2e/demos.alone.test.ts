import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeCommand, startProcess } from '../../devstack/process.ts';

/**
 * Releases whose demo runs here, with real processes and simulated users. The demo's exit code is 0 only if the rollout
 * ended as that release should, without an error for a user. `npm run test:long` names all of them in DEMOS.
 */
const RELEASES = (process.env['DEMOS'] ?? 'bad-norms bad-crash').split(' ');
const WITHIN_MS = 15 * 60_000;
// The sources, as in a clone: other tests start compiled processes.
process.env['COMPILED_CODE'] = '';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'demos-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(RELEASES)('npm run demo -- --release %s', (release) => {
  it(
    'ends as that release should',
    async () => {
      const logFile = join(folder, `${release}.log`);
      const command = nodeCommand('scripts/cli', 'demo', '--release', release);
      const demo = startProcess({ name: 'demo', command, logFile });
      try {
        const ended = await demo.ended;
        expect(ended, await readFile(logFile, 'utf8')).toBe('exit code 0');
      } finally {
        await demo.stop();
      }
    },
    WITHIN_MS,
  );
});
