import { execFile } from 'node:child_process';
import { nodeCommand } from '../../devstack/process.ts';
import { ROOT } from '../../platform/node-command.ts';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of `retriever`, such as `index check-norms`, as a process of its own. */
export function tool(name: string, ...args: readonly string[]): Promise<Ended> {
  return toolIn({}, name, ...args);
}

/** The same in another folder, or with other settings. */
export function toolIn(
  { cwd = ROOT, env = {} }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv },
  name: string,
  ...args: readonly string[]
): Promise<Ended> {
  return new Promise((resolve) => {
    const [node, ...command] = nodeCommand('scripts/cli', ...name.split(' '), ...args);
    execFile(node, command, { cwd, env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}
