import { resolve } from 'node:path';
import { ROOT } from '../stack/process.ts';

/** Settings of the stack's folders; relative ones, as the defaults are, are those of the clone, wherever a tool is called. */
function folder(variable: string, preset: string): string {
  return resolve(ROOT, process.env[variable] || preset);
}

export function artifactsFolder(): string {
  return folder('ARTIFACTS_DIR', 'artifacts');
}

export function releasesFolder(): string {
  return folder('RELEASES_DIR', 'artifacts/releases');
}

export function plansFolder(): string {
  return folder('PLANS_DIR', 'plans');
}

/** The gateway's own. */
export function stateFolder(): string {
  return folder('STATE_DIR', '.data/gateway');
}
