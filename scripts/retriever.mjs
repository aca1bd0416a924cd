#!/usr/bin/env node
// Starts scripts/cli: compiled beside this file, as in the image; from the sources; compiled in a package without them.
import { existsSync } from 'node:fs';

const at = (path) => new URL(path, import.meta.url);
const source = at('cli.ts');
if (existsSync(at('cli.js'))) {
  await import(at('cli.js').href);
} else if (existsSync(source) && hasTsx()) {
  const { register } = await import('tsx/esm/api');
  register();
  await import(source.href);
} else {
  await import(at('../dist/scripts/cli.js').href);
}

function hasTsx() {
  try {
    import.meta.resolve('tsx/esm/api');
    return true;
  } catch {
    return false;
  }
}
