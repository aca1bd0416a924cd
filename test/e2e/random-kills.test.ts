import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/stack/process.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { Kill, Process } from './kills.ts';
import { PROCESSES, rolloutAmongKills, seeded } from './kills.ts';
import { killTable } from './kill-table.ts';
import type { Traffic, World } from './world.ts';
import { startWorld } from './world.ts';

/** How many kills of the worker; with a table, other processes are killed as well, and it holds all that was ever recorded. */
const KILLS = Number(process.env['KILLS'] ?? 10);
const TABLE = process.env['KILL_TABLE'];
const KILLED: readonly Process[] = TABLE === undefined ? ['worker'] : ['worker', 'worker', ...PROCESSES];
const ofWorker = ({ process }: Kill) => process === 'worker';
const SEED = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000);
const RECORDS = join(ROOT, '.data/kills.jsonl');

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
  // Without the gateway there is no service until it is back: docs/operations.md says so.
  return userErrors > 0 && process !== 'gateway'
    ? `users saw ${userErrors} errors after kill -9 of the ${process}`
    : null;
}

describe('processes killed at random moments', () => {
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
        if (TABLE !== undefined) record(TABLE, ended);
      }
      expect((await traffic.stop()).answered).toBeGreaterThan(0);
    },
    60_000 + KILLS * 60_000,
  );
});

/** Kept as soon as it is known: a run that is cut short is no run lost. */
function record(table: string, ended: readonly Kill[]): void {
  mkdirSync(dirname(RECORDS), { recursive: true });
  appendFileSync(RECORDS, ended.map((kill) => `${JSON.stringify(kill)}\n`).join(''));
  const all: Kill[] = readFileSync(RECORDS, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const command = `KILLS=${KILLS} KILL_TABLE=${table} npx vitest run test/e2e/random-kills.test.ts`;
  writeFileSync(join(ROOT, table), killTable(all, command));
}
