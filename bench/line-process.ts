import { spawn } from 'node:child_process';
import { readLines } from '../platform/text/lines.ts';

/** A process that answers each line of JSON on its stdin with one on its stdout, one at a time. */
export interface LineProcess {
  /** Rejects if the process ends before it answers. */
  ask(question: object): Promise<unknown>;
  /** Ends its stdin, whereupon it ends. */
  close(): void;
}

/** Starts the command, whose errors go to our own stderr. It ends with us: its stdin does. */
export function startLineProcess(
  name: string,
  [command, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
): LineProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
  const lines = readLines(name, child.stdout);
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${name} ended (${signal ?? code})`)));
  });
  failed.catch(() => {});
  return {
    async ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const { value: line } = await Promise.race([lines.next(), failed]);
      return line === undefined ? failed : line.json();
    },
    close: () => void child.stdin.end(),
  };
}
