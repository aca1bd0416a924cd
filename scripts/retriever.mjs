#!/usr/bin/env node
// Starts scripts/cli: compiled beside this file, as in the image; else from the sources, as in a clone or a package.
import { existsSync } from 'node:fs';

const at = (path) => new URL(path, import.meta.url);
if (existsSync(at('cli.js'))) {
  await import(at('cli.js').href);
} else if (hasTsx()) {
  const { register } = await import('tsx/esm/api');
  register();
  await import(at('cli.ts').href);
} else {
  // The first thing that somebody with a new clone meets: a stack trace would not say what to do.
  console.error(
    'retriever: the npm package tsx is not installed here; install everything: bash scripts/setup.sh',
  );
  process.exitCode = 1;
}

function hasTsx() {
  try {
    import.meta.resolve('tsx/esm/api');
    return true;
  } catch {
    return false;
  }
}
