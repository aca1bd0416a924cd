import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RolloutStatus } from '../../domain/rollout/status/status.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { CutProxy, Held } from '../support/cut-proxy.ts';
import { startCutProxy } from '../support/cut-proxy.ts';
import { recordPhase } from '../support/kill-table.ts';
import type { World } from '../support/world.ts';
import { startWorld, until } from '../support/world.ts';

/** From the kill to users on the old release, without the time that the worker itself takes to start. */
const SAFE_WITHIN_MS = 8_000;
/** A rollout that gets to its last stage, while other tests have the machine. */
const LOADED_MS = 180_000;

/** `all`: every phase. Otherwise those whose answer the others share: what a phase waits for, what a person said, what is under way. */
const ALL = process.env['KILL_PHASES'] === 'all';

/** When the worker is killed: in a state of the rollout, or in the middle of a request to the control listener. */
interface Phase {
  readonly name: string;
  readonly plan: 'compressed' | 'long-canary' | 'too-slow';
  readonly is?: (status: RolloutStatus) => boolean;
  /** It is sent before the kill. */
  readonly signal?: 'hold' | 'rollback';
  /** Part of the request's body, or its path. */
  readonly during?: (request: Held) => boolean;
  /** One that every run of the tests has. */
  readonly always?: true;
}

const change = (part: string) => (request: Held) => request.method === 'PUT' && request.body.includes(part);
const epoch = ({ path }: Held) => path === '/control/epoch';
const inCanary = ({ percent }: RolloutStatus) => percent === 10;

const PHASES: readonly Phase[] = [
  { name: 'pre-flight', plan: 'long-canary', is: ({ state }) => state === 'pre-flight' },
  { name: 'taking the epoch', plan: 'long-canary', during: epoch },
  {
    name: 'loading',
    plan: 'long-canary',
    is: ({ state }) => state === 'loading the candidate',
    always: true,
  },
  { name: 'first raise', plan: 'long-canary', during: change('"percent":10') },
  { name: 'canary-10', plan: 'long-canary', is: inCanary },
  { name: 'held', plan: 'long-canary', is: inCanary, signal: 'hold', always: true },
  { name: 'step of the ladder', plan: 'too-slow', during: change('"flags"') },
  { name: 'ramp-50', plan: 'compressed', is: ({ percent }) => percent === 50 },
  { name: 'full-100', plan: 'compressed', is: ({ percent }) => percent === 100 },
  { name: 'promotion', plan: 'compressed', during: change('"promote"'), always: true },
  {
    name: 'rollback: epoch and traffic',
    plan: 'long-canary',
    is: inCanary,
    signal: 'rollback',
    during: ({ path }) => path === '/control/rollback',
    always: true,
  },
];

let world: World;
let proxy: CutProxy;
let releasesDir = '';

beforeAll(async () => {
  releasesDir = await releasesFolder(await smallRelease('v-1'), await smallRelease('r-2'));
  proxy = await startCutProxy();
  world = await startWorld(releasesDir, 'v-1', { worker: { CONTROL_URL: proxy.url } });
  proxy.forwardTo(world.stack.addresses.control);
  await world.startTraffic(80);
});
afterAll(async () => {
  await world?.close();
  await proxy?.close();
  await rm(releasesDir, { recursive: true, force: true });
});

describe('a rollback asked for as the worker is killed with kill -9', () => {
  it.each(PHASES.filter(({ always }) => ALL || always))(
    'is done within 8 s and the start of the worker, in phase: $name',
    async (phase) => {
      const rollout = await world.startRollout('r-2', phase.plan);
      const { is, during, signal } = phase;
      if (is !== undefined) await world.untilStatus(phase.name, is, LOADED_MS);
      const held = during === undefined ? null : proxy.hold(during);
      if (signal !== undefined) await rollout.signal(signal, { by: 'the test' });
      if (signal === 'hold') await world.untilStatus('held', ({ state }) => state === 'held');
      await held;
      const { percent } = (await world.gateway.view()).state;

      await world.stack.kill('worker');
      const killedMs = performance.now();
      const startedMs = world.stack.start('worker').then(() => performance.now());
      if (signal !== 'rollback') await rollout.signal('rollback', { by: 'the test' });
      // Where no user was on the candidate, safe is that none can come to it any more.
      if (percent > 0)
        await world.untilControl('users are back', ({ state }) => state.percent === 0, LOADED_MS);
      else await until('its end', world.status, ({ outcome }) => outcome !== null, LOADED_MS);
      const safeMs = performance.now() - killedMs;
      const startMs = (await startedMs) - killedMs;

      const { outcome } = await rollout.result();
      expect(percent > 0 ? ['rolledBack'] : ['rolledBack', 'aborted']).toContain(outcome);
      expect((await world.gateway.view()).state.percent).toBe(0);
      expect((await world.gateway.health()).version).toBe('v-1');
      recordPhase({ phase: phase.name, safeMs, startMs });
      expect(safeMs - startMs).toBeLessThan(SAFE_WITHIN_MS);
    },
    600_000,
  );
});
