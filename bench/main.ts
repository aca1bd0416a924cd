/**
 * `npm run bench [-- --only search|growth|http|memory|decisions --rounds 5 --seconds 4 --rows 50000 --dimension 768 --queries 500]`: this
 * project beside its peers, in one run, in alternating order. Prints tables; writes JSON and SVG to artifacts/bench/.
 */
import { untilInterrupted } from '../devstack/interrupt.ts';
import { readOptions } from '../scripts/tool/usage.ts';
import { runDecisions } from './parts/decisions.ts';
import { runGrowth } from './parts/growth.ts';
import { runHttp } from './parts/http.ts';
import { runMemory } from './parts/memory.ts';
import { runSearch } from './parts/search.ts';

const PARTS = {
  search: runSearch,
  growth: runGrowth,
  http: runHttp,
  memory: runMemory,
  decisions: runDecisions,
};

const USAGE =
  'usage: npm run bench [-- --only search|growth|http|memory|decisions] [--rounds N] [--seconds N] [--rows N] [--dimension N] [--queries N]';
const values = readOptions(USAGE, {
  options: {
    only: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string', default: '4' },
    rows: { type: 'string', default: '50000' },
    dimension: { type: 'string', default: '768' },
    queries: { type: 'string', default: '500' },
  },
});
const names = Object.keys(PARTS) as (keyof typeof PARTS)[];
const chosen = names.filter((name) => values.only === undefined || values.only === name);
if (chosen.length === 0) refuse(`--only must be one of ${names.join(', ')}, not ${values.only}`);
/** Rounds of a rate take minutes, those of an index seconds. */
const ROUNDS = { search: 5, growth: 3, http: 3, memory: 3, decisions: 1 };
const sizes = {
  rows: positive('rows'),
  dimension: positive('dimension'),
  queries: positive('queries'),
  seconds: positive('seconds'),
};
const rounds = values.rounds === undefined ? null : positive('rounds');

const closers: (() => void | Promise<void>)[] = [];
const interruption = untilInterrupted();
try {
  await Promise.race([runParts(), interrupted()]);
} catch (error) {
  console.error(interruption.bySignal() && error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  for (const close of closers.toReversed()) await close();
  interruption.release();
}
// A part that was interrupted still waits for what has been ended.
process.exit();

async function runParts(): Promise<void> {
  for (const name of chosen) {
    const onEnd = (close: () => void | Promise<void>) => void closers.push(close);
    await PARTS[name]({ ...sizes, rounds: rounds ?? ROUNDS[name], onEnd });
  }
}

/** Rejects, so that whatever runs is ended before we are. */
async function interrupted(): Promise<never> {
  throw new Error(`stopped by ${await interruption.reason}`);
}

function positive(name: 'rounds' | 'seconds' | 'rows' | 'dimension' | 'queries'): number {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number <= 0)
    refuse(`--${name} must be a positive whole number, not ${values[name]}`);
  return number;
}

function refuse(why: string): never {
  console.error(why);
  process.exit(2);
}
