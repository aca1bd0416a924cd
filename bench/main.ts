import { untilInterrupted } from '../devstack/interrupt.ts';
import { z } from 'zod';
import { command } from '../scripts/cli/command.ts';
import { count } from '../scripts/cli/options.ts';
import { runCommand } from '../scripts/cli/run-command.ts';
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

/** Rounds of a rate take minutes, those of an index seconds. */
const ROUNDS = { search: 5, growth: 3, http: 3, memory: 3, decisions: 1 };
const NAMES = Object.keys(PARTS) as (keyof typeof PARTS)[];

interface Sizes {
  readonly seconds: number;
  readonly rows: number;
  readonly dimension: number;
  readonly queries: number;
}

const bench = command({
  example: '--only search --rounds 5',
  options: {
    only: { value: 'PART', help: NAMES.join(', '), schema: z.enum(NAMES).optional() },
    rounds: { value: 'N', help: "rounds (default: each part's own)", schema: count.optional() },
    seconds: { value: 'N', help: 'of each measurement', schema: count.prefault('4') },
    rows: { value: 'N', help: 'vectors', schema: count.prefault('50000') },
    dimension: { value: 'N', help: 'their dimension', schema: count.prefault('768') },
    queries: { value: 'N', help: 'queries', schema: count.prefault('500') },
  },
  async run({ only, rounds, ...sizes }) {
    const chosen = NAMES.filter((name) => only === undefined || only === name);
    const closers: (() => void | Promise<void>)[] = [];
    const interruption = untilInterrupted();
    // Rejects, so that whatever runs is ended before we are.
    const interrupted = interruption.reason.then((reason) => {
      throw new Error(`stopped by ${reason}`);
    });
    try {
      await Promise.race([runParts(chosen, rounds ?? null, sizes, closers), interrupted]);
    } finally {
      for (const close of closers.toReversed()) await close();
      interruption.release();
    }
    return { passed: true, lines: [], result: { parts: chosen } };
  },
});

await runCommand(
  'npm run bench --',
  'Measures this project beside its peers, in one run, in alternating order. Prints tables; writes JSON and SVG to artifacts/bench/.',
  bench,
  process.argv.slice(2),
);
// A part that was interrupted still waits for what has been ended.
process.exit();

async function runParts(
  chosen: typeof NAMES,
  rounds: number | null,
  sizes: Sizes,
  closers: (() => void | Promise<void>)[],
): Promise<void> {
  for (const name of chosen) {
    const onEnd = (close: () => void | Promise<void>) => void closers.push(close);
    await PARTS[name]({ ...sizes, rounds: rounds ?? ROUNDS[name], onEnd });
  }
}
