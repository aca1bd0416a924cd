import { join } from 'node:path';
import { compile } from '../../devstack/compile.ts';

/** Compiles our services into `folder`. Returns the command of a module (path from the root, without ending). */
export async function compiledServices(folder: string): Promise<(module: string) => string[]> {
  await compile(folder, 'tsconfig.build.json');
  return (module) => [process.execPath, join(folder, `${module}.js`)];
}
