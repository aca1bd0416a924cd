import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Pool } from 'undici';
import type { Flags, LaneStatus } from '../../../domain/control/state.ts';
import { readManifest } from '../../../retrieval/release/manifest.ts';
import type { Command } from '../../../platform/node-command.ts';
import { moduleCommand } from '../../../platform/node-command.ts';
import { onLines } from '../../../platform/text/lines.ts';
import { Breaker } from '../proxy/breaker.ts';

/** What a lane says on its standard output, one JSON line each. */
type LaneWord =
  | { readonly event: 'ready'; readonly port: number; readonly flags: Flags }
  | { readonly event: 'refused'; readonly file: string; readonly reason: string };

const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 10_000;
/** A lane that served for this long did not fail at its start: the backoff is reset. */
const SETTLED_MS = 60_000;
const CONNECTIONS = 64;

export interface LaneDeps {
  readonly releasesDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly now: () => number;
  readonly onReady: (lane: LaneProcess) => void;
  readonly log: (text: string, fields: object) => void;
}

/** One retriever process for one release: started, watched, and started again with backoff until it is stopped. */
export class LaneProcess {
  readonly release: string;
  readonly breaker: Breaker;
  private readonly deps: LaneDeps;
  private child: ChildProcess | null = null;
  private client: Pool | null = null;
  private state: LaneStatus['state'] = 'starting';
  private url: string | null = null;
  private defaults: Flags | null = null;
  private restarts = 0;
  private backoffMs = FIRST_BACKOFF_MS;
  private startedMs = 0;
  private notReadySinceMs: number | null;
  private failure: string | null = null;
  private stopped = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(release: string, deps: LaneDeps) {
    this.release = release;
    this.deps = deps;
    this.breaker = new Breaker(deps.now);
    this.notReadySinceMs = deps.now();
    void this.learnDefaults();
    this.spawn();
  }

  get ready(): boolean {
    return this.state === 'ready';
  }

  get refused(): boolean {
    return this.state === 'refused';
  }

  /** The connection pool to the lane while it is ready, else null. */
  get pool(): Pool | null {
    return this.state === 'ready' ? this.client : null;
  }

  /** Whether it is in the first minute of its first start (one after a crash is no start: what it misses are errors), when its requests are stable's and nobody's error. */
  get warming(): boolean {
    return this.state === 'starting' && this.deps.now() - (this.notReadySinceMs ?? 0) < SETTLED_MS;
  }

  get defaultFlags(): Flags | null {
    return this.defaults;
  }

  status(flags: Flags | null): LaneStatus {
    return {
      release: this.release,
      flags: flags ?? this.defaults ?? { impl: 'amn_v0', reranker: 'off', nprobe: 8 },
      state: this.state,
      url: this.url,
      pid: this.child?.pid ?? null,
      restarts: this.restarts,
      notReadySinceMs: this.notReadySinceMs,
      breaker: this.breaker.state,
      failure: this.failure,
    };
  }

  /** SIGTERM, so that it drains; SIGKILL after `graceMs`. */
  async stop(graceMs = 5_000): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    const { child } = this;
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await ended;
      clearTimeout(kill);
    }
    await this.client?.destroy();
  }

  /** The flags to show before the lane speaks; what is wrong with the release, the lane will say. */
  private async learnDefaults(): Promise<void> {
    const manifest = await readManifest(join(this.deps.releasesDir, this.release)).catch(() => null);
    this.defaults ??= manifest?.flags ?? null;
  }

  private spawn(): void {
    this.startedMs = this.deps.now();
    const [node, ...args] = retrieverCommand(this.deps.releasesDir, this.release);
    const child = spawn(node, args, {
      // The lane ends when this pipe closes: however the gateway goes, no lane is left behind.
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...this.deps.env },
    });
    this.child = child;
    child.stdin?.on('error', () => {});
    if (child.stdout) onLines(child.stdout, (line) => this.onLine(line));
    // `close`, not `exit`: its last words are still in the pipe when it exits.
    child.once('close', (code, signal) => this.ended(signal === null ? `exit code ${code}` : signal));
    child.once('error', (error) => this.deps.log('lane cannot be started', { reason: error.message }));
  }

  private onLine(line: string): void {
    const word = laneWord(line);
    if (word === null) return;
    if (word.event === 'refused') {
      this.failure = `${word.file}: ${word.reason}`;
      this.state = 'refused';
      return;
    }
    this.url = `http://127.0.0.1:${word.port}`;
    this.client = new Pool(this.url, { connections: CONNECTIONS, pipelining: 1, keepAliveTimeout: 30_000 });
    this.defaults = word.flags;
    this.state = 'ready';
    this.notReadySinceMs = null;
    this.failure = null;
    this.breaker.reset();
    this.deps.log('lane ready', { release: this.release, port: word.port, pid: this.child?.pid });
    this.deps.onReady(this);
  }

  private ended(reason: string): void {
    const { client } = this;
    this.client = null;
    this.child = null;
    this.url = null;
    void client?.destroy();
    if (this.stopped) return;
    this.notReadySinceMs ??= this.deps.now();
    if (this.state === 'refused') {
      this.deps.log('lane refused', { release: this.release, failure: this.failure });
      return;
    }
    this.state = 'down';
    this.failure ??= reason;
    if (this.deps.now() - this.startedMs > SETTLED_MS) this.backoffMs = FIRST_BACKOFF_MS;
    this.deps.log('lane ended', { release: this.release, reason, restartInMs: this.backoffMs });
    this.timer = setTimeout(() => {
      this.restarts++;
      this.spawn();
    }, this.backoffMs);
    this.backoffMs = Math.min(LONGEST_BACKOFF_MS, this.backoffMs * 2);
  }
}

/** A lane's heap is small, and two lanes share a machine's memory: V8's 16 MB of young generation saved no time here. */
const SMALL_YOUNG_GENERATION = '--max-semi-space-size=8';

function retrieverCommand(releasesDir: string, release: string): Command {
  const args = ['--releases', releasesDir, '--release', release];
  return moduleCommand('serving/retriever/main', args, [SMALL_YOUNG_GENERATION]);
}

function laneWord(line: string): LaneWord | null {
  if (!line.startsWith('{')) return null;
  try {
    const word = JSON.parse(line) as LaneWord;
    return word.event === 'ready' || word.event === 'refused' ? word : null;
  } catch {
    return null;
  }
}
