import { execFile } from 'node:child_process';
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestModule } from 'vitest/node';
import { parseCLI, startVitest } from 'vitest/node';
import { ROOT } from '../devstack/process.ts';

// `npm test [-- FILE... -t NAME]`: vitest, with one more line at the end that any CI can read. The processes that tests start run
// the compiled code, as the image does; the demos run the sources, as a clone does.
process.env['COMPILED_CODE'] = await compile(join(ROOT, 'dist'));
const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)]);
const vitest = await startVitest('test', filter, { ...options, watch: false });
await vitest.close();

const counts = count(vitest.state.getTestModules());
// An error outside every test (a rejection nobody awaits) is a failure too.
counts.failed += vitest.state.getUnhandledErrors().length;
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;

/** Tests by result; a file that could not be loaded, or whose hook failed, counts as one failed test at least. */
function count(modules: readonly TestModule[]): { passed: number; failed: number; skipped: number } {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const module of modules) {
    const failedBefore = total.failed;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      total[state === 'pending' ? 'failed' : state]++;
    }
    if (!module.ok() && total.failed === failedBefore) total.failed++;
  }
  return total;
}

/** Types are what `npm run check` looks at. Returns the folder. */
async function compile(folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  const emit = ['--noCheck', '--noEmit', 'false', '--rootDir', '.', '--outDir', folder];
  await promisify(execFile)(tsc, ['-p', 'tsconfig.json', ...emit], { cwd: ROOT });
  // What compiled code looks for beside itself.
  for (const beside of ['native/build', 'models', '.data'])
    await symlink(join(ROOT, beside), join(folder, beside));
  return folder;
}
