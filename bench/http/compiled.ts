import { execFile } from 'node:child_process';
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../../devstack/process.ts';

/**
 * Compiles our services into `folder`, as deploy/Dockerfile does: what runs in production is measured, not the loader
 * that a clone starts the sources with. Returns the command of a module (path from the root, without ending).
 */
export async function compiledServices(folder: string): Promise<(module: string) => string[]> {
  await rm(folder, { recursive: true, force: true });
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  await promisify(execFile)(tsc, ['-p', join(ROOT, 'tsconfig.build.json'), '--outDir', folder]);
  await symlink(join(ROOT, 'native/build'), join(folder, 'native/build'));
  return (module) => [process.execPath, join(folder, `${module}.js`)];
}
