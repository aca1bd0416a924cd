import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const CODE = fileURLToPath(new URL('..', import.meta.url));
/** Root of the repository, or of the image: where package.json is. Compiled code may lie in a folder of it. */
export const ROOT = existsSync(join(CODE, 'package.json')) ? CODE : dirname(CODE);

/** A program and its arguments. */
export type Command = readonly [string, ...string[]];

/**
 * Command that runs a module of ours (path from the root, without ending) in one Node process with these flags of Node's, whether
 * this process runs from sources or compiled. Where COMPILED_CODE names a folder of compiled code, that of there: tests start hundreds of processes,
 * each of which the loader of TypeScript costs half a second.
 */
export function moduleCommand(
  module: string,
  args: readonly string[] = [],
  flags: readonly string[] = [],
): Command {
  const compiled = process.env['COMPILED_CODE'] ?? '';
  const ending = compiled === '' ? extname(import.meta.url) : '.js';
  const file = join(compiled === '' ? CODE : compiled, module + ending);
  return [process.execPath, ...flags, ...(ending === '.ts' ? loader() : []), file, ...args];
}

/** Flags that let Node read TypeScript. */
function loader(): string[] {
  return ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href];
}
