import { createHash } from 'node:crypto';
import { readFile, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, bundleWorkflowCode } from '@temporalio/worker';
import { writeWhole } from '../platform/json-file.ts';

/** Beside what else a worker keeps. */
const FOLDER = fileURLToPath(new URL('../.data/worker/', import.meta.url));
const KEPT = /^workflow-bundle-\w+\.js$/;

/** Entry of the workflow bundle: the same line works under tsx, vitest and from dist. */
export function workflowsPath(): string {
  return modulePath('../workflows/index');
}

/** Converter for workflow and worker, which turns a payload that it cannot decode into a value instead of an error. */
export function payloadConverterPath(): string {
  return modulePath('../workflows/runtime/payload-converter');
}

/**
 * The workflows' bundle for `Worker.create`. Webpack takes seconds for it, for which users of a candidate would wait after
 * a kill of the worker: it is kept in `folder` by the digest of its inputs, and built again where it cannot be read or
 * kept. `entry` is another module that exports the workflows, for tests.
 */
export async function workflowBundle(
  folder: string = FOLDER,
  entry: string = workflowsPath(),
): Promise<{ readonly code: string }> {
  const name = `workflow-bundle-${await digestOfInputs(dirname(entry))}.js`;
  const kept = await readFile(join(folder, name), 'utf8').catch(() => null);
  if (kept !== null) return { code: kept };
  const { code } = await bundleWorkflowCode({
    workflowsPath: entry,
    payloadConverterPath: payloadConverterPath(),
    logger: new DefaultLogger('WARN'),
  });
  await keep(folder, name, code).catch(() => {});
  return { code };
}

async function keep(folder: string, name: string, code: string): Promise<void> {
  await writeWhole(join(folder, name), code);
  const others = (await readdir(folder)).filter((file) => KEPT.test(file) && file !== name);
  for (const file of others) await rm(join(folder, file), { force: true });
}

/** Of the sources of workflows, domain and the entry's folder, and of the SDK that they are bundled with. */
async function digestOfInputs(entryFolder: string): Promise<string> {
  const hash = createHash('sha256');
  const folders = ['../workflows/', '../domain/'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  for (const root of new Set([...folders, join(entryFolder, '/')])) {
    const files = (await readdir(root, { recursive: true })).filter((file) =>
      file.endsWith(extname(import.meta.url)),
    );
    for (const file of files.toSorted()) hash.update(`${file}\0`).update(await readFile(join(root, file)));
  }
  const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json') as {
    version: string;
  };
  return hash.update(version).digest('hex').slice(0, 16);
}

function modulePath(module: string): string {
  return fileURLToPath(new URL(module + extname(import.meta.url), import.meta.url));
}
