import { spawn } from 'node:child_process';
import { onLines } from './text/lines.ts';

export interface ChildResult {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  /** The last 4,000 characters. */
  readonly stderr: string;
}

export interface ChildOptions {
  readonly signal: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}

/**
 * Runs a command at low priority in a process group of its own, outside this process's event loop, and resolves when it
 * has ended. An abort ends the whole group and rejects with the signal's reason.
 */
export async function runNiced(command: readonly string[], options: ChildOptions): Promise<ChildResult> {
  options.signal.throwIfAborted();
  const child = spawn('nice', ['-n', '10', ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...options.env },
  });
  const end = () => child.pid !== undefined && endGroup(child.pid);
  options.signal.addEventListener('abort', end, { once: true });
  // The group would outlive a process that leaves in the middle of it.
  process.once('exit', end);
  const lines: string[] = [];
  onLines(child.stdout, (line) => {
    lines.push(line);
    options.onLine?.(line);
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-4_000)));
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    options.signal.throwIfAborted();
    return { code, stdout: lines.join('\n'), stderr };
  } finally {
    options.signal.removeEventListener('abort', end);
    process.removeListener('exit', end);
  }
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // It has ended by itself.
  }
}

/** How often a child looks for its parent; far below the time in which a dead worker is noticed. */
const PARENT_MS = 1_000;
/** For a child's main: a worker that is killed takes it along, which would work and write beside the attempt that follows. */
export function endWithParent(): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1);
  }, PARENT_MS).unref();
}
