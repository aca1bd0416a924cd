import { score } from '../decisions/score.ts';
import { tables } from '../decisions/tables.ts';
import { KINDS } from '../decisions/world/kinds.ts';

/** Runs of each kind. */
const SEEDS = 40;

/** Every kind at 20 requests a second. `bench/decisions/main.ts` has the options. */
export async function runDecisions(): Promise<void> {
  const seeds = Array.from({ length: SEEDS }, (_, i) => 1 + i);
  const kinds = KINDS.map(({ name }) => name);
  const runs = await score({ rate: 20, seeds, rule: 'sequentialTest', kinds }, 2);
  console.log(tables(runs).join('\n'));
}
