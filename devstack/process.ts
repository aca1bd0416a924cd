import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from '../platform/node-command.ts';
import { ROOT, moduleCommand } from '../platform/node-command.ts';
import { onLines } from '../platform/text/lines.ts';

export interface ProcessSpec {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Its stdout and stderr are appended here. */
  readonly logFile: string;
  readonly onLine?: (line: string) => void;
  /** Called when it ends without `stop` having been called. */
  readonly onUnexpectedExit?: (reason: string) => void;
}

/** A process of the stack: in a group of its own, so that the terminal's Ctrl-C reaches us alone and we stop in order. */
export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves with the reason once it has ended. */
  readonly ended: Promise<string>;
  /** The first line on stdout that `pick` makes a value of. Rejects, with the log's end, if the process ends or is late. */
  firstLine<T>(pick: (line: string) => T | null, withinMs: number): Promise<T>;
  /** SIGTERM, and SIGKILL for the whole group after `graceMs`. Resolves when it has ended. */
  stop(graceMs?: number): Promise<void>;
  /** kill -9 of the process alone, as an outage would. */
  kill(): Promise<void>;
}

/** Young objects of a request under way are not copied twice: scavenges take half as long (serving/gateway/gc-tuning.ts). */
const YOUNG_GENERATION = '--max-semi-space-size=32';

/** Command that runs a module of ours as a process of the stack: path from the root, without ending. */
export function nodeCommand(module: string, ...args: string[]): Command {
  return moduleCommand(module, args, [YOUNG_GENERATION]);
}

/** Starts a process. It gets SIGTERM when its parent dies (Linux), whatever the cause. */
export function startProcess(spec: ProcessSpec): RunningProcess {
  const [file = '', ...args] = [...dieWithParent(), ...spec.command];
  const child = spawn(file, args, {
    cwd: ROOT,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...spec.env },
  });
  const output = new Output(spec.logFile, child);
  if (spec.onLine) output.on('line', spec.onLine);
  let stopping = false;
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('close', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
  });
  void whenEnded();
  async function whenEnded(): Promise<void> {
    const reason = await ended;
    output.close(reason);
    if (!stopping) spec.onUnexpectedExit?.(`${spec.name} ended by itself (${reason}); see ${spec.logFile}`);
  }
  return {
    name: spec.name,
    pid: child.pid ?? -1,
    ended,
    firstLine: (pick, withinMs) => firstLine(spec.name, output, pick, withinMs),
    async stop(graceMs = 8_000) {
      stopping = true;
      await stopGroup(child, ended, graceMs);
    },
    async kill() {
      stopping = true;
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** What a process says: into its log, as `line` events (stdout alone), and its last lines for an error message. */
class Output extends EventEmitter<{ line: [string]; ended: [string] }> {
  private readonly file: string;
  private readonly log: number;
  private readonly tail: string[] = [];
  private over: string | null = null;

  constructor(file: string, child: ChildProcess) {
    super();
    mkdirSync(dirname(file), { recursive: true });
    this.file = file;
    this.log = openSync(file, 'a');
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      onLines(stream, (line) => {
        this.keep(line);
        if (stream === child.stdout) this.emit('line', line);
      });
    }
  }

  close(reason: string): void {
    closeSync(this.log);
    this.over = reason;
    this.emit('ended', reason);
  }

  /** Null while the process runs. */
  get endedWith(): string | null {
    return this.over;
  }

  lastWords(): string {
    return [...this.tail, `(log: ${this.file})`].map((line) => `  ${line}`).join('\n');
  }

  private keep(line: string): void {
    if (this.over !== null) return;
    writeSync(this.log, `${line}\n`);
    this.tail.push(line);
    if (this.tail.length > 12) this.tail.shift();
  }
}

function firstLine<T>(
  name: string,
  output: Output,
  pick: (line: string) => T | null,
  withinMs: number,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(`said nothing of being ready in ${withinMs / 1000} s`), withinMs);
    output.on('line', look).on('ended', whenEnded);
    if (output.endedWith !== null) whenEnded(output.endedWith);

    function look(line: string): void {
      const value = pick(line);
      if (value === null) return;
      release();
      resolve(value);
    }
    function whenEnded(reason: string): void {
      fail(`ended while it started (${reason})`);
    }
    function fail(why: string): void {
      release();
      reject(new Error(`${name} ${why}\n${output.lastWords()}`));
    }
    function release(): void {
      clearTimeout(timer);
      output.off('line', look).off('ended', whenEnded);
    }
  });
}

/** `setpriv --pdeathsig` where there is one: no process outlives a parent that was ended by kill -9. */
export function dieWithParent(): string[] {
  canDieWithParent ??= succeeds('setpriv', ['--pdeathsig', 'TERM', 'true']);
  return canDieWithParent ? ['setpriv', '--pdeathsig', 'TERM', '--'] : [];
}
let canDieWithParent: boolean | undefined;

function succeeds(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function stopGroup(child: ChildProcess, ended: Promise<string>, graceMs: number): Promise<void> {
  if (child.pid === undefined) return;
  child.stdin?.end();
  // Only the process itself: it knows best in which order its own children end.
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  const timer = setTimeout(() => killGroup(child.pid ?? 0), graceMs);
  await ended;
  clearTimeout(timer);
  killGroup(child.pid);
}

function killGroup(pid: number): void {
  try {
    if (pid > 1) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}
