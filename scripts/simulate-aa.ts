/**
 * A/A: rolls a release out that behaves exactly as stable does, many times, through the real domain code on simulated
 * counters, and prints how often that was rolled back or held. `tsx scripts/simulate-aa.ts [--plan demo] [--rate 150]
 * [--seeds 20]`; exit code 1 if one was rolled back.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { parsePlan } from '../plan-files/parse-plan.ts';
import { simulateRollout } from '../simulation/rollout.ts';
import { calmWorld } from '../simulation/world.ts';
import { ROOT } from '../devstack/process.ts';
import { readOptions } from './tool/usage.ts';
import { seededRandom } from '../devstack/traffic/arrivals.ts';

const USAGE = 'usage: simulate-aa [--plan NAME] [--rate QPS] [--seeds N]';
const values = readOptions(USAGE, {
  options: {
    plan: { type: 'string', default: 'runbook-48h' },
    rate: { type: 'string', default: '20' },
    seeds: { type: 'string', default: '20' },
  },
});
const parsed = parsePlan(parse(readFileSync(join(ROOT, 'plans', `${values.plan}.yaml`), 'utf8')));
if (!parsed.ok) throw new Error(parsed.problems.join('; '));

const BEHAVIOUR = { errorRate: 0.0005, medianMs: 1.5, sigma: 0.45, qualityShare: 0.954 };
const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => i + 1);
const ends = seeds.map((seed) => {
  const random = seededRandom(seed);
  const world = calmWorld(BEHAVIOUR, Number(values.rate), random);
  return { seed, ...simulateRollout(parsed.plan, world, random) };
});
const count = (end: string) => ends.filter((run) => run.end === end).length;
for (const { seed, end, reason, raises, endMs } of ends) {
  const hours = (endMs - (raises[0]?.atMs ?? endMs)) / 3_600_000;
  if (end !== 'shipped') console.log(`seed ${seed}: ${end} after ${hours.toFixed(1)} h: ${reason}`);
}
console.log(
  `${values.plan} at ${values.rate} requests/s, ${seeds.length} seeds: ${count('shipped')} shipped, ${count('rolledBack')} rolled back, ` +
    `${count('held')} held (${((100 * count('held')) / seeds.length).toFixed(0)} % false holds)`,
);
process.exitCode = count('rolledBack') > 0 ? 1 : 0;
