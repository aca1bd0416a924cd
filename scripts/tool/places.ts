import { resolve } from 'node:path';
import { ROOT } from '../stack/process.ts';
import { setting } from './settings.ts';

/** Settings of the stack's folders; relative ones, as the defaults are, are those of the clone, wherever a tool is called. */
export function artifactsFolder(): string {
  return resolve(ROOT, setting('ARTIFACTS_DIR'));
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
