import { setTimeout as pause } from 'node:timers/promises';
import type { LoadGenerator } from '../load/generator.ts';
import type { BodyKind, LoadStep } from '../load/question.ts';
import { median } from '../quantiles.ts';
import { whole } from '../table.ts';
import { withOtherWork } from './other-work.ts';
import type { Service } from './services.ts';
import type { Failure, TopRate } from './top-rate.ts';
import { failureOf, findTopRate } from './top-rate.ts';

/** A service with one kind of body. */
export interface Candidate {
  readonly service: Service;
  readonly body: BodyKind;
}

/** Medians of the rounds. */
export interface HttpRow {
  readonly service: string;
  readonly workers: number;
  readonly body: BodyKind;
  /** Requests a second within the limit, of each round and their median. */
  readonly tops: readonly number[];
  readonly top: number;
  /** What kept a higher rate from being held, in most rounds. */
  readonly limit: Failure;
  /** Latencies in ms at half of `top`, and what of P95 is the generator's own lateness. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly lagP95: number;
  /** Median share of the machine's CPU time (0..1) that processes of others took meanwhile. */
  readonly otherShare: number;
  /** Every rate that was tried while the top was looked for, in that order. */
  readonly steps: readonly TriedRate[];
}

interface Step extends LoadStep {
  readonly otherShare: number;
}

interface TriedRate extends Step {
  readonly rate: number;
}

/** What was measured of a candidate, round after round. */
interface Measured {
  readonly tops: TopRate[];
  readonly steps: TriedRate[];
  readonly halves: Step[];
}

export interface LoadOptions {
  readonly rounds: number;
  readonly seconds: number;
}

const FIRST_RATE = 500;
/** Where the next rounds begin, of the round before. */
const BEGIN_AT = 0.7;
const WARM_UP_SECONDS = 1;
/** Before anything counts: V8 compiles for some thousand requests, and the first rounds would be others than the last. */
const FIRST_WARM_UP = { rate: 400, seconds: 8, warmUpSeconds: 0 };

/** A failure says little about a service while others take so much of the machine: it is asked again after a pause. */
const LOUD = 0.15;
const LOUD_TRIES = 3;
const LOUD_PAUSE_MS = 2_000;

/** All candidates in each round, the order turned round each time: first how much each holds, then each at half of that. */
export async function measureHttp(
  generator: LoadGenerator,
  candidates: readonly Candidate[],
  { rounds, seconds }: LoadOptions,
): Promise<HttpRow[]> {
  let seed = 1;
  const run = ({ service, body }: Candidate, load: typeof FIRST_WARM_UP) =>
    withOtherWork(service.pid, () => generator.open({ url: service.url, body, seed: seed++, ...load }));
  const loadOf = (rate: number) => ({ rate, seconds, warmUpSeconds: WARM_UP_SECONDS });
  const all = candidates.map((candidate): [Candidate, Measured] => [
    candidate,
    { tops: [], steps: [], halves: [] },
  ]);
  for (const candidate of candidates) await run(candidate, FIRST_WARM_UP);
  await inTurns(all, rounds, async ([candidate, { tops, steps }], round) => {
    const before = tops.at(-1)?.rate;
    const attempt = async (rate: number) => {
      const step = await run(candidate, loadOf(rate));
      steps.push({ rate, ...step });
      return step;
    };
    const top = await findTopRate(
      (rate) => inQuiet(() => attempt(rate)),
      before ? BEGIN_AT * before : FIRST_RATE,
    );
    tops.push(top);
    console.log(`round ${round + 1}: ${nameOf(candidate)}: ${whole(top.rate)}/s (beyond it: ${top.limit})`);
  });
  await inTurns(all, rounds, async ([candidate, { tops, halves }]) => {
    const half = median(tops.map(({ rate }) => rate)) / 2;
    if (half > 0) halves.push(await run(candidate, loadOf(half)));
  });
  return all.map(([candidate, measured]) => rowOf(candidate, measured));
}

/** Runs it again, a few times at most, while a rate was not held and others took much of the machine. */
async function inQuiet(attempt: () => Promise<Step>): Promise<Step> {
  let step = await attempt();
  for (let i = 1; i < LOUD_TRIES && step.otherShare > LOUD && failureOf(step) !== null; i++) {
    await pause(LOUD_PAUSE_MS);
    step = await attempt();
  }
  return step;
}

async function inTurns<T>(
  all: readonly T[],
  rounds: number,
  measure: (one: T, round: number) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const one of round % 2 === 0 ? all : all.toReversed()) await measure(one, round);
  }
}

function nameOf({ service: { spec }, body }: Candidate): string {
  return `${spec.name}, ${spec.workers} worker${spec.workers === 1 ? '' : 's'}, ${body}`;
}

function rowOf({ service: { spec }, body }: Candidate, { tops, steps, halves }: Measured): HttpRow {
  const rates = tops.map(({ rate }) => rate);
  const limits = tops.map(({ limit }) => limit);
  const often = (limit: Failure) => limits.filter((other) => other === limit).length;
  const middle = (value: (step: Step) => number) => median(halves.map(value));
  return {
    service: spec.name,
    workers: spec.workers,
    body,
    tops: rates,
    top: median(rates),
    limit: limits.toSorted((a, b) => often(b) - often(a))[0] ?? 'latency',
    p50: middle(({ p50 }) => p50),
    p95: middle(({ p95 }) => p95),
    p99: middle(({ p99 }) => p99),
    lagP95: middle(({ lagP95 }) => lagP95),
    otherShare: median([...steps, ...halves].map((step) => step.otherShare)),
    steps,
  };
}
