import type { LoadGenerator } from '../load/generator.ts';
import type { BodyKind, LoadStep } from '../load/question.ts';
import { median } from '../quantiles.ts';
import type { Service } from './services.ts';
import type { Failure, TopRate } from './top-rate.ts';
import { findTopRate } from './top-rate.ts';

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
}

export interface LoadOptions {
  readonly rounds: number;
  readonly seconds: number;
}

const FIRST_RATE = 500;
/** Where the next rounds begin, of the round before. */
const BEGIN_AT = 0.7;
const WARM_UP_SECONDS = 1;

/** All candidates in each round, the order turned round each time: first how much each holds, then each at half of that. */
export async function measureHttp(
  generator: LoadGenerator,
  candidates: readonly Candidate[],
  { rounds, seconds }: LoadOptions,
): Promise<HttpRow[]> {
  let seed = 1;
  const run = ({ service, body }: Candidate, rate: number) =>
    generator.open({ url: service.url, body, rate, seconds, warmUpSeconds: WARM_UP_SECONDS, seed: seed++ });
  const tops = new Map<Candidate, TopRate[]>(candidates.map((candidate) => [candidate, []]));
  const halves = new Map<Candidate, LoadStep[]>(candidates.map((candidate) => [candidate, []]));
  await inTurns(candidates, rounds, async (candidate, round) => {
    const before = tops.get(candidate)?.at(-1)?.rate;
    const top = await findTopRate((rate) => run(candidate, rate), before ? BEGIN_AT * before : FIRST_RATE);
    tops.get(candidate)?.push(top);
    const next = `beyond it: ${top.limit}`;
    console.log(
      `round ${round + 1}: ${nameOf(candidate)}: ${Math.round(top.rate).toLocaleString('en')}/s (${next})`,
    );
  });
  const topOf = (candidate: Candidate) => median((tops.get(candidate) ?? []).map(({ rate }) => rate));
  await inTurns(candidates, rounds, async (candidate) => {
    const half = topOf(candidate) / 2;
    if (half > 0) halves.get(candidate)?.push(await run(candidate, half));
  });
  return candidates.map((candidate) =>
    rowOf(candidate, tops.get(candidate) ?? [], halves.get(candidate) ?? []),
  );
}

async function inTurns(
  candidates: readonly Candidate[],
  rounds: number,
  measure: (candidate: Candidate, round: number) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const candidate of round % 2 === 0 ? candidates : candidates.toReversed())
      await measure(candidate, round);
  }
}

function nameOf({ service: { spec }, body }: Candidate): string {
  return `${spec.name}, ${spec.workers} worker${spec.workers === 1 ? '' : 's'}, ${body}`;
}

function rowOf(
  { service: { spec }, body }: Candidate,
  tops: readonly TopRate[],
  halves: readonly LoadStep[],
): HttpRow {
  const rates = tops.map(({ rate }) => rate);
  const limits = tops.map(({ limit }) => limit);
  const often = (limit: Failure) => limits.filter((other) => other === limit).length;
  const middle = (value: (step: LoadStep) => number) => median(halves.map(value));
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
  };
}
