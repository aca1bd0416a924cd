import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ControlState, ControlView } from '../../domain/control/state.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway, oldAndNew } from '../support/gateway-process.ts';

const HOUR_MS = 3_600_000;
const TTL_MS = 4_000;
const SET_CLOCK = `--import ${fileURLToPath(new URL('../fixtures/set-clock.mjs', import.meta.url))}`;

let releases = '';
let gateway: TestGateway;
beforeAll(async () => {
  ({ releases } = await oldAndNew());
});
afterAll(() => rm(releases, { recursive: true }));
beforeEach(async () => {
  gateway = await createTestGateway(releases);
});
afterEach(() => gateway.close());

/** A gateway's process whose wall clock is so far from the machine's, and so much farther at each signal. */
async function startWith({ setMs = 0, stepMs = 0 }): Promise<void> {
  await gateway.start({
    NODE_OPTIONS: SET_CLOCK,
    CLOCK_SET_MS: String(setMs),
    CLOCK_STEP_MS: String(stepMs),
  });
}

async function view(): Promise<ControlView> {
  return (await gateway.control('GET', '/control')).body;
}

/** Sets the wall clock of the process that runs, and waits until it shows. */
async function setClock(): Promise<void> {
  const beforeMs = (await view()).nowMs;
  process.kill(gateway.pid(), 'SIGUSR2');
  await gateway.until(({ nowMs }) => Math.abs(nowMs - beforeMs) > HOUR_MS / 2);
}

/** Forty percent of the users on the candidate, under a lease of an epoch's holder. Its epoch. */
async function lease(ttlMs = TTL_MS): Promise<number> {
  await gateway.share(0);
  const { state } = await view();
  const taken = await gateway.control('POST', '/control/epoch', {
    owner: 'run',
    key: 'run',
    expected: { owner: state.owner, epoch: state.epoch },
  });
  const { epoch } = taken.body;
  const raised = await gateway.control('PUT', '/control', {
    by: 'run',
    epoch,
    step: 'raise',
    interventions: state.interventions,
    percent: 40,
    lease: { ttlMs, onExpiry: 'zero' },
  });
  expect(raised).toMatchObject({ status: 200, body: { state: { percent: 40 } } });
  return epoch;
}

/** The state once users have left the candidate; fails long before the hour is over. */
async function withoutUsers(): Promise<ControlState> {
  return (await gateway.until(({ state: { percent } }) => percent === 0)).state;
}
const LOST = { lease: null, lastIntervention: { kind: 'leaseLost', percentBefore: 40 } };

describe('a lease of four seconds', () => {
  it('ends after one TTL although the wall clock is set back by an hour', async () => {
    await startWith({ stepMs: -HOUR_MS });
    await lease();
    await setClock();
    expect(await withoutUsers()).toMatchObject(LOST);
  });

  it('stays while it is renewed although the wall clock is set forward by an hour, and shows when it ends', async () => {
    await startWith({ stepMs: HOUR_MS });
    const epoch = await lease(60_000);
    await setClock();
    const renewed = await gateway.control('POST', '/control/lease', { epoch, ttlMs: 60_000 });
    expect(renewed).toMatchObject({ status: 200, body: { expiresAtMs: expect.any(Number) } });
    const { state, nowMs } = await view();
    expect(state).toMatchObject({ percent: 40, lastIntervention: { kind: 'byHand' } });
    const leftMs = (state.lease?.expiresAtMs ?? 0) - nowMs;
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(60_000);
    expect(renewed.body.expiresAtMs).toBe(state.lease?.expiresAtMs);
  });

  it('ends after one TTL although the wall clock is set back by an hour during a restart', async () => {
    await startWith({});
    await lease();
    await gateway.kill();
    await startWith({ setMs: -HOUR_MS });
    expect(await withoutUsers()).toMatchObject(LOST);
  });

  it('ends after one TTL although the machine was booted again with a wall clock set back by an hour', async () => {
    await startWith({});
    await lease();
    await gateway.kill();
    const file = join(gateway.folder, 'state', 'control.json');
    const { clock, ...state } = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify({ ...state, clock: { ...clock, bootId: 'the boot before' } }));
    await startWith({ setMs: -HOUR_MS });
    expect(await withoutUsers()).toMatchObject(LOST);
  });
});
