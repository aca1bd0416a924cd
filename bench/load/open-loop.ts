import { RoundRobinPool } from 'undici';
import { seededRandom } from '../../devstack/traffic/arrivals.ts';
import { quantileOf } from '../quantiles.ts';
import type { PreparedRequest } from './bodies.ts';
import type { LoadStep, OpenQuestion } from './question.ts';

/** In turns, so that a service of several workers, each with its own connections, has them all at work. */
const CONNECTIONS = 32;
/** Answers are waited for so long after the last request. */
const PATIENCE_MS = 3_000;
/** Requests under way that no service within the limits has. */
const FEW = 100;

/** One rate for one time. Resolves when every request is answered, or given up. */
export async function openLoop(
  question: OpenQuestion,
  requests: readonly PreparedRequest[],
): Promise<LoadStep> {
  const pool = new RoundRobinPool(question.url, { connections: CONNECTIONS, pipelining: 1 });
  const run = new OpenLoop(question, requests, pool);
  try {
    return await run.finished;
  } finally {
    await pool.destroy();
  }
}

class OpenLoop {
  readonly finished: Promise<LoadStep>;
  private readonly question: OpenQuestion;
  private readonly requests: readonly PreparedRequest[];
  private readonly pool: RoundRobinPool;
  private readonly random: () => number;
  private readonly countsFromMs: number;
  private readonly endMs: number;
  private dueMs = performance.now();
  private sent = 0;
  private underWay = 0;
  private readonly latencies: number[] = [];
  private readonly lags: number[] = [];
  private errors = 0;
  private firstError: string | null = null;
  private overrun = false;
  private readonly cpu = process.cpuUsage();
  private readonly beganMs = performance.now();
  private finish: (step: LoadStep) => void = () => {};

  constructor(question: OpenQuestion, requests: readonly PreparedRequest[], pool: RoundRobinPool) {
    this.question = question;
    this.requests = requests;
    this.pool = pool;
    this.random = seededRandom(question.seed);
    this.countsFromMs = this.dueMs + question.warmUpSeconds * 1000;
    this.endMs = this.countsFromMs + question.seconds * 1000;
    this.finished = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.tick();
  }

  /** Timers are no finer than 1 ms, so each answer looks as well whether a request is due. */
  private tick(): void {
    this.sendDue();
    const nowMs = performance.now();
    if (this.isOver(nowMs)) this.finish(this.result(nowMs));
    else setTimeout(() => this.tick(), Math.max(1, Math.min(this.dueMs, this.endMs) - nowMs));
  }

  private isOver(nowMs: number): boolean {
    if (this.underWay > Math.max(FEW, this.question.rate)) this.overrun = true;
    if (this.overrun) return true;
    if (nowMs < this.endMs) return false;
    return this.underWay === 0 || nowMs > this.endMs + PATIENCE_MS;
  }

  private sendDue(): void {
    const nowMs = performance.now();
    while (this.dueMs <= nowMs && this.dueMs < this.endMs) {
      this.send(this.dueMs);
      this.dueMs += (-Math.log(1 - this.random()) / this.question.rate) * 1000;
    }
  }

  private send(dueMs: number): void {
    const request = this.requests[this.sent++ % this.requests.length];
    if (!request) return;
    const counts = dueMs >= this.countsFromMs;
    this.underWay++;
    if (counts) this.lags.push(performance.now() - dueMs);
    let status = 0;
    this.pool.dispatch(
      { method: 'POST', ...request },
      {
        onRequestStart() {},
        onResponseStart: (_controller, code) => {
          status = code;
        },
        onResponseData() {},
        onResponseEnd: () => {
          if (status !== 200) this.failed(`answered ${status}`);
          else if (counts) this.latencies.push(performance.now() - dueMs);
          this.underWay--;
          this.sendDue();
        },
        onResponseError: (_controller, error) => {
          this.failed(error.message);
          this.underWay--;
        },
      },
    );
  }

  private failed(why: string): void {
    this.errors++;
    this.firstError ??= why;
  }

  private result(nowMs: number): LoadStep {
    const { user, system } = process.cpuUsage(this.cpu);
    const unanswered = this.overrun ? 0 : this.underWay;
    if (unanswered > 0) this.firstError ??= 'no answer';
    const latency = (share: number) => quantileOf(this.latencies, share);
    const lag = (share: number) => (this.lags.length === 0 ? 0 : quantileOf(this.lags, share));
    const none = this.latencies.length === 0;
    return {
      answers: this.latencies.length,
      errors: this.errors + unanswered,
      firstError: this.firstError,
      overrun: this.overrun || none,
      p50: none ? 0 : latency(0.5),
      p95: none ? 0 : latency(0.95),
      p99: none ? 0 : latency(0.99),
      lagP50: lag(0.5),
      lagP95: lag(0.95),
      cpuShare: (user + system) / 1000 / (nowMs - this.beganMs),
    };
  }
}
