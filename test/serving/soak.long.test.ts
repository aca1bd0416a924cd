import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadProbes } from '../../retrieval/evaluation/set.ts';
import { poisson, seededRandom } from '../../devstack/traffic/arrivals.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway } from '../support/gateway-process.ts';

/** It judges timings, so it needs a machine that does nothing else. */
const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 600);
const STEP_SECONDS = 3;
const FIRST_RATE = 200;
const GROWTH = 1.3;
/** The runbook's limit of the P95. */
const BUDGET_MS = 10;
/** A half's P95 is the median of the P95s of so many pieces: what else the machine does for some seconds moves it little. */
const PIECES = 5;
/** What the second half's may be of the first's, and so many ms more: it must not get worse and worse. */
const DRIFT = { ratio: 1.5, ms: 2 };
const SHARE_OF_TOP = 0.7;
/** What V8 may still grow by once it is warm. */
const LEVEL_BYTES = 64 * 2 ** 20;

let releases = '';
let bodies: Buffer[] = [];
let gateway: TestGateway;
let pool: Pool;
beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v-1'));
  const probes = await loadProbes(join(releases, 'v-1'));
  bodies = probes.map(({ context: [first] }) => Buffer.from(Float32Array.from(first ?? []).buffer));
  gateway = await createTestGateway(releases);
  await gateway.start();
  pool = new Pool(gateway.url(), { connections: 64 });
});
afterAll(async () => {
  await pool.close();
  await gateway.close();
  await rm(releases, { recursive: true });
});

/** Vector queries at that rate, open loop; latencies in ms from when each was due. */
async function load(ratePerSecond: number, seconds: number) {
  const latenciesMs: number[] = [];
  const errors: string[] = [];
  const underWay = new Set<Promise<void>>();
  const ask = async (dueMs: number) => {
    try {
      const body = bodies[latenciesMs.length % bodies.length] ?? Buffer.alloc(0);
      const headers = { 'content-type': 'application/octet-stream' };
      const answer = await pool.request({ method: 'POST', path: '/search?k=10', headers, body });
      await answer.body.dump();
      if (answer.statusCode === 200) latenciesMs.push(performance.now() - dueMs);
      else errors.push(String(answer.statusCode));
    } catch (error) {
      errors.push(String(error));
    }
  };
  const send = (dueMs: number) => {
    const asked = ask(dueMs).finally(() => underWay.delete(asked));
    underWay.add(asked);
  };
  await poisson(ratePerSecond, seededRandom(1), send, AbortSignal.timeout(seconds * 1000));
  await Promise.all(underWay);
  latenciesMs.sort((a, b) => a - b);
  return {
    errors,
    answers: latenciesMs.length,
    p95Ms: latenciesMs[Math.floor(latenciesMs.length * 0.95)] ?? Infinity,
  };
}

/** The same in pieces, one after the other. */
async function half(ratePerSecond: number, seconds: number) {
  const pieces = [];
  for (let i = 0; i < PIECES; i++) pieces.push(await load(ratePerSecond, seconds / PIECES));
  const p95s = pieces.map(({ p95Ms }) => p95Ms).toSorted((a, b) => a - b);
  return {
    errors: pieces.flatMap(({ errors }) => errors),
    answers: pieces.reduce((sum, { answers }) => sum + answers, 0),
    p95Ms: p95s[Math.floor(PIECES / 2)] ?? Infinity,
  };
}

/** The highest of the rates, each so much above the one before, that stays in the budget. */
async function topRate(): Promise<number> {
  await load(FIRST_RATE, STEP_SECONDS);
  for (let rate = FIRST_RATE; ; rate *= GROWTH) {
    const { errors, p95Ms } = await load(rate * GROWTH, STEP_SECONDS);
    if (errors.length > 0 || p95Ms > BUDGET_MS) return rate;
  }
}

/** Resident bytes of the gateway and of its lane, without the files that they map. */
async function memory(): Promise<number> {
  const { body: view } = await gateway.control('GET', '/control');
  const pids = [gateway.pid(), view.lanes.stable.pid];
  const anonymous = pids.map(async (pid) => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  });
  return (await Promise.all(anonymous)).reduce((sum, bytes) => sum + bytes, 0);
}

it(
  `${SECONDS} s at 70 % of the top load: no error, level memory, a P95 that stays`,
  { timeout: (SECONDS + 120) * 1000 },
  async () => {
    const rate = SHARE_OF_TOP * (await topRate());
    // Heaps reach their size in the first half; what grows in the second goes on growing.
    const first = await half(rate, SECONDS / 2);
    const before = await memory();
    const second = await half(rate, SECONDS / 2);
    const grownBytes = (await memory()) - before;
    console.log(
      `soak: ${rate.toFixed(0)} queries/s, P95 ${first.p95Ms.toFixed(2)} and ${second.p95Ms.toFixed(2)} ms, ` +
        `${(before / 2 ** 20).toFixed(0)} MiB ${grownBytes < 0 ? '-' : '+'} ${(Math.abs(grownBytes) / 2 ** 20).toFixed(1)} MiB`,
    );
    expect([...first.errors, ...second.errors]).toEqual([]);
    expect(first.answers + second.answers).toBeGreaterThan(0.9 * rate * SECONDS);
    const drifted = DRIFT.ratio * first.p95Ms + DRIFT.ms;
    expect(second.p95Ms).toBeLessThan(Math.min(BUDGET_MS, drifted));
    expect(grownBytes).toBeLessThan(LEVEL_BYTES);
  },
);
