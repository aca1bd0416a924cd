import { join } from 'node:path';
import type { DataSet } from './data.ts';
import type { Answer, Engine, Task } from './engine.ts';
import { median, quantileOf } from './quantiles.ts';

const K = 10;
const NPROBES = [4, 8, 12, 16, 32];
/** Ids may differ where the scores do not by more than this: a tie, decided by rounding. */
const TIE = 1e-6;

/** Medians of the rounds, in ms. */
export interface Row {
  readonly engine: string;
  readonly what: string;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly qps: number;
  /** p50 over that of the second engine. */
  readonly ratio: number;
  /** Results that differ from the second engine's and are no ties. */
  readonly differing: number;
}

/** One query at a time, for each nprobe. */
export async function measureSearch(
  engines: readonly Engine[],
  set: DataSet,
  rounds: number,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const nprobe of NPROBES)
    rows.push(...(await compareSearch(engines, set, nprobe, `nprobe ${nprobe}`, rounds)));
  return rows;
}

/** One query at a time with one nprobe; `what` names the rows. */
export function compareSearch(
  engines: readonly Engine[],
  set: DataSet,
  nprobe: number,
  what: string,
  rounds: number,
): Promise<Row[]> {
  return compare(engines, { ...taskOf(set, 'p_ivf.faiss'), nprobe, batch: false }, what, rounds, 1);
}

/** FLAT: one query at a time, and all in one call. */
export async function measureFlat(engines: readonly Engine[], set: DataSet, rounds: number): Promise<Row[]> {
  const task = { ...taskOf(set, 'p_flat_ip.faiss'), nprobe: 1 };
  return [
    ...(await compare(engines, { ...task, batch: false }, 'one at a time', rounds, 1)),
    ...(await compare(engines, { ...task, batch: true }, 'in one call', rounds, set.queries)),
  ];
}

function taskOf(set: DataSet, file: string) {
  return { index: join(set.dir, file), queries: join(set.dir, 'queries.npy'), k: K };
}

/** All engines in each round, the order turned round each time; the first round warms up and does not count. */
async function compare(
  engines: readonly Engine[],
  task: Task,
  what: string,
  rounds: number,
  queriesPerCall: number,
): Promise<Row[]> {
  const measured = new Map<Engine, Answer[]>(engines.map((engine) => [engine, []]));
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 === 0 ? engines : engines.toReversed();
    for (const engine of order) {
      const answer = await engine.measure(task);
      if (round > 0) measured.get(engine)?.push(answer);
    }
  }
  const peer = measured.get(engines[1] as Engine) ?? [];
  const peerP50 = medianOf(peer, 0.5, queriesPerCall);
  return engines.map((engine) => {
    const answers = measured.get(engine) ?? [];
    const p50 = medianOf(answers, 0.5, queriesPerCall);
    return {
      engine: engine.name,
      what,
      p50,
      p95: medianOf(answers, 0.95, queriesPerCall),
      p99: medianOf(answers, 0.99, queriesPerCall),
      qps: median(
        answers.map(({ microseconds }) => (1e6 * microseconds.length * queriesPerCall) / sum(microseconds)),
      ),
      ratio: p50 / peerP50,
      differing: differences(answers[0], peer[0]),
    };
  });
}

function medianOf(answers: readonly Answer[], quantile: number, queriesPerCall: number): number {
  return median(
    answers.map(({ microseconds }) => quantileOf(microseconds, quantile) / 1000 / queriesPerCall),
  );
}

function differences(ours: Answer | undefined, theirs: Answer | undefined): number {
  if (ours === undefined || theirs === undefined) return NaN;
  return ours.ids.filter(
    (id, i) => id !== theirs.ids[i] && !(Math.abs((ours.scores[i] ?? NaN) - (theirs.scores[i] ?? NaN)) < TIE),
  ).length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
