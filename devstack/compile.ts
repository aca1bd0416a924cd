import { execFile } from 'node:child_process';
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../platform/node-command.ts';

/** What compiled code looks for beside itself, and tsc leaves out. */
const BESIDE = ['native/build', 'models', '.data'];

/**
 * Compiles a project of ours into `folder`, which is replaced: what runs then is what runs in production, not the loader
 * that a clone starts the sources with. `options` are tsc's.
 */
export async function compile(
  folder: string,
  project: string,
  options: readonly string[] = [],
): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  await promisify(execFile)(tsc, ['-p', project, '--outDir', folder, ...options], { cwd: ROOT });
  for (const beside of BESIDE) await symlink(join(ROOT, beside), join(folder, beside));
}
