import { resolve } from 'node:path';
import { ROOT } from '../../platform/node-command.ts';
import { readSettings } from '../../domain/core/settings.ts';
import { recordsFolder, stackFolders } from '../../domain/core/stack-folders.ts';
import { setting } from './settings.ts';

/**
 * Where the worker of this environment writes its records. Relative folders, here and below, are those of the clone,
 * wherever a tool is called.
 */
export function artifactsFolder(): string {
  const read = readSettings(process.env, 'DATA_DIR', 'ARTIFACTS_DIR', 'PROD_DOCS_DIR', 'SERVICE');
  return resolve(ROOT, recordsFolder(stackFolders(read).artifacts, read.SERVICE));
}

export function releasesFolder(): string {
  return resolve(ROOT, setting('RELEASES_DIR') ?? 'artifacts/releases');
}

export function plansFolder(): string {
  return resolve(ROOT, setting('PLANS_DIR'));
}

/** The gateway's own. */
export function stateFolder(): string {
  return resolve(ROOT, setting('STATE_DIR'));
}
