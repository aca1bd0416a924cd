import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { nodeCommand } from '../../devstack/process.ts';
import { ROOT } from '../../platform/node-command.ts';
import type { World } from './world.ts';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of `retriever` as a process of its own, as a person does, against a world's stack. */
export function run(
  world: World,
  words: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const { stack } = world;
  const [node, ...command] = nodeCommand('scripts/cli', ...words.split(' '), ...args);
  return new Promise((resolve) => {
    execFile(
      node,
      command,
      {
        cwd: ROOT,
        env: {
          ...process.env,
          TEMPORAL_ADDRESS: stack.addresses.temporal,
          GATEWAY_URL: stack.addresses.gateway,
          WORKER_HEALTH_URL: stack.addresses.workerHealth,
          CONTROL_URL: stack.addresses.control,
          CONTROL_TOKEN_FILE: stack.tokenFile,
          ARTIFACTS_DIR: join(world.folder, 'artifacts'),
          PLANS_DIR: join(ROOT, 'test/fixtures/plans'),
          ...env,
        },
      },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}
