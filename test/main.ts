import { join } from 'node:path';
import type { TestModule } from 'vitest/node';
import { parseCLI, startVitest } from 'vitest/node';
import { compile } from '../devstack/compile.ts';
import { ROOT } from '../platform/node-command.ts';

// `npm test [-- FILE... -t NAME]`: vitest, with one more line at the end that any CI can read. The processes that tests start run
// the compiled code, as the image does; the demos run the sources, as a clone does.
const compiled = join(ROOT, 'dist');
// Types are what `npm run check` looks at.
await compile(compiled, 'tsconfig.json', ['--noCheck', '--noEmit', 'false', '--rootDir', '.']);
process.env['COMPILED_CODE'] = compiled;
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
