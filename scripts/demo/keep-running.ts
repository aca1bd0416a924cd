import { join } from 'node:path';
import type { DemoStack } from './stack-process.ts';

/** Where the tools look if nobody tells them. */
const DEFAULTS: Readonly<DemoStack['addresses']> = {
  temporal: '127.0.0.1:7233',
  temporalUi: 'http://127.0.0.1:8233',
  gateway: 'http://127.0.0.1:8080',
  control: 'http://127.0.0.1:8081',
  workerMetrics: 'http://127.0.0.1:9464/metrics',
  workerHealth: 'http://127.0.0.1:9465/health',
};
const VARIABLES = [
  ['temporal', 'TEMPORAL_ADDRESS'],
  ['gateway', 'GATEWAY_URL'],
  ['control', 'CONTROL_URL'],
  ['workerHealth', 'WORKER_HEALTH_URL'],
] as const;

/** How to go on with a stack that a demo left running: what the tools need to find it, and what stops it. */
export function formatKept(
  { pid, addresses }: Pick<DemoStack, 'pid' | 'addresses'>,
  dataDir: string,
): string {
  const moved = VARIABLES.filter(([part]) => addresses[part] !== DEFAULTS[part]);
  return [
    `The stack and its users go on: ${addresses.gateway}, ${addresses.temporalUi}. To stop them: kill ${pid}`,
    'Its tokens, state and records are its own. For the tools, the rollback script among them, in a terminal:',
    `  export CONTROL_TOKEN_FILE=${join(dataDir, 'run/control-token')} STATE_DIR=${join(dataDir, 'gateway')} ARTIFACTS_DIR=${join(dataDir, 'artifacts')}`,
    ...moved.map(([part, variable]) => `  export ${variable}=${addresses[part]}`),
    `and the token of POST /ingest is in ${join(dataDir, 'run/ingest-token')}`,
  ].join('\n');
}
