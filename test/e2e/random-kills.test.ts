import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { Kill, Process } from '../support/kills.ts';
import { PROCESSES, rolloutAmongKills, seeded } from '../support/kills.ts';
import { TABLE, recordKills } from '../support/kill-table.ts';
import type { Traffic, World } from '../support/world.ts';
import { startWorld } from '../support/world.ts';

/** How many kills of the worker; with a table, other processes are killed as well, and it holds all that was ever recorded. */
const KILLS = Number(process.env['KILLS'] ?? 4);
const KILLED: readonly Process[] = TABLE === undefined ? ['worker'] : ['worker', 'worker', ...PROCESSES];
const ofWorker = ({ process }: Kill) => process === 'worker';
/** From a rollback's trigger to users on the old release, without the start of a worker that was killed meanwhile. */
const SAFE_WITHIN_MS = 8_000;
const SEED = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000);

let world: World;
let traffic: Traffic;
let releasesDir = '';

beforeAll(async () => {
  releasesDir = await releasesFolder(
    await smallRelease('v-1'),
    await smallRelease('r-2'),
    await smallRelease('r-bad', 'bad-ids'),
  );
  world = await startWorld(releasesDir, 'v-1');
  traffic = await world.startTraffic(80);
});
afterAll(async () => {
  await world?.close();
  await rm(releasesDir, { recursive: true, force: true });
});

/** Why a rollout among such kills should not have ended so; null where it is right. */
function wrongWith(one: Kill, all: readonly Kill[]): string | null {
  const { release, outcome, process, userErrors, candidateKilled } = one;
  const right = [release === 'bad' ? 'rolledBack' : 'shipped'];
  if (candidateKilled) right.push('rolledBack');
  // A pre-flight without a gateway lets nothing begin.
  if (all.some((kill) => kill.process === 'gateway' && kill.stage === 'before T0')) right.push('refused');
  if (!right.includes(String(outcome))) return `the ${release} release ended ${outcome}`;
  const late = lateToSafe(one, all);
  if (late !== null) return late;
  // Without the gateway there is no service until it is back: docs/operations.md says so.
  return userErrors > 0 && process !== 'gateway'
    ? `users saw ${userErrors} errors after kill -9 of the ${process}`
    : null;
}

/** Where nothing but workers and candidates were killed, a rollback waits for no other process. */
function lateToSafe({ safeAfterMs }: Kill, all: readonly Kill[]): string | null {
  if (safeAfterMs === null || all.some(({ process }) => process === 'gateway' || process === 'temporal'))
    return null;
  const startsMs = all.filter(ofWorker).map(({ backAfterMs }) => backAfterMs);
  const netMs = safeAfterMs - Math.max(0, ...startsMs);
  return netMs > SAFE_WITHIN_MS ? `users were safe ${netMs} ms after the worker was back` : null;
}

describe('[E9] processes killed at random moments', () => {
  it(
    `${KILLS} times: each rollout ends as it should`,
    async () => {
      console.info(`KILL_SEED=${SEED}`);
      const random = seeded(SEED);
      const kills: Kill[] = [];
      for (let turn = 0; kills.filter(ofWorker).length < KILLS; turn++) {
        const stable = (await world.gateway.health()).version;
        const good = turn % 2 === 0;
        const candidate = good ? (stable === 'v-1' ? 'r-2' : 'v-1') : 'r-bad';
        const ended = await rolloutAmongKills({
          world,
          traffic,
          candidate,
          release: good ? 'good' : 'bad',
          processes: KILLED,
          killsAtMost: TABLE === undefined ? KILLS - kills.length : Infinity,
          withinMs: 6_000,
          random,
        });
        for (const kill of ended) console.info(JSON.stringify(kill));
        expect(ended.map((kill) => wrongWith(kill, ended)).filter((wrong) => wrong !== null)).toEqual([]);
        kills.push(...ended);
        recordKills(ended);
      }
      expect((await traffic.stop()).answered).toBeGreaterThan(0);
    },
    60_000 + KILLS * 60_000,
  );
});
