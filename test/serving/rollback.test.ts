import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ControlState } from '../../domain/control/state.ts';
import { createStateStore } from '../../serving/gateway/control/state-store.ts';
import type { Answer, TestGateway } from '../support/gateway-process.ts';
import { createTestGateway, oldAndNew, ready } from '../support/gateway-process.ts';

let releases = '';
let query = {};
let gateway: TestGateway;

beforeAll(async () => {
  ({ releases, query } = await oldAndNew());
});
afterAll(() => rm(releases, { recursive: true }));
beforeEach(async () => {
  gateway = await createTestGateway(releases);
  await gateway.start();
});
afterEach(() => gateway.close());

const BACK = { key: 'rollback/1', by: 'rollback/1', owner: 'rollback/1' };
const LEASE = { ttlMs: 60_000, onExpiry: 'zero' };

const rollBack = (more: object = {}): Promise<Answer> =>
  gateway.control('POST', '/control/rollback', { ...BACK, ...more });

/** A rollout with half of the users on v0, and what it would send to raise that. */
async function shared(): Promise<object> {
  await gateway.share(0);
  const { state } = (await gateway.control('GET', '/control')).body;
  const expected = { owner: state.owner, epoch: state.epoch };
  const taken = await gateway.control('POST', '/control/epoch', {
    owner: 'rollout',
    key: 'rollout/1',
    expected,
  });
  const { epoch, view } = taken.body;
  const { interventions } = view.state;
  const raise = (percent: number) => ({
    by: 'rollout',
    epoch,
    step: `raise to ${percent}`,
    interventions,
    commands: [{ kind: 'setTraffic', percent, lease: LEASE }],
  });
  expect((await gateway.control('PUT', '/control', raise(50))).body.state.percent).toBe(50);
  return raise(75);
}

async function onDisk(): Promise<ControlState> {
  const state = await createStateStore(join(gateway.folder, 'state')).load();
  if (state === null) throw new Error('no state was written');
  return state;
}

async function lanesOf(users: number): Promise<Set<string>> {
  const answers = await Promise.all(
    Array.from({ length: users }, (_, i) => gateway.search(query, { 'x-request-key': `user ${i}` })),
  );
  return new Set(answers.map(({ body }) => body.lane));
}

describe('POST /control/rollback', () => {
  it('takes the epoch and the users in one call, is on disk when it answers, and refuses a raise of the old epoch', async () => {
    const raise = await shared();
    const { status, body } = await rollBack();
    expect([status, body.to, body.epoch]).toEqual([200, 'v-1', 2]);
    expect(body.view.state).toMatchObject({
      percent: 0,
      epoch: 2,
      owner: 'rollback/1',
      lease: null,
      lastIntervention: { by: 'test' },
    });
    expect(await onDisk()).toMatchObject({
      percent: 0,
      epoch: 2,
      rollbacks: [{ key: BACK.key, to: 'v-1', epoch: 2 }],
    });
    expect(await lanesOf(20)).toEqual(new Set(['stable']));
    const late = await gateway.control('PUT', '/control', raise);
    expect([late.status, late.body.refusal.kind]).toEqual([409, 'staleEpoch']);
    expect((await gateway.control('POST', '/control/lease', { epoch: 1, ttlMs: 1_000 })).status).toBe(409);
  });

  it('answers a repeated key with what it did, and leaves what came after it', async () => {
    await shared();
    await rollBack();
    await gateway.byHand({ percent: 10 });
    const again = await rollBack();
    expect([again.status, again.body.to, again.body.epoch]).toEqual([200, 'v-1', 2]);
    expect(again.body.view.state).toMatchObject({ epoch: 2, percent: 10 });
  });

  it('by hand counts as an intervention, and says who', async () => {
    await shared();
    const { body } = await rollBack({ owner: undefined, by: 'ann', reason: 'users complain' });
    expect(body.view.state).toMatchObject({
      owner: 'ann',
      lastIntervention: {
        kind: 'byHand',
        by: 'ann',
        what: 'rollback to v-1 (users complain)',
        percentBefore: 50,
      },
    });
  });

  it('after a kill -9 once it was written answers as it did, and takes no second epoch', async () => {
    await shared();
    await rollBack();
    await gateway.kill();
    await gateway.start();
    const again = await rollBack();
    expect([again.status, again.body.to, again.body.epoch]).toEqual([200, 'v-1', 2]);
    expect(again.body.view.state).toMatchObject({ epoch: 2, percent: 0 });
  });

  it('with a kill -9 while it is under way is done by the same call again, whatever reached the disk', async () => {
    await shared();
    // No answer: it may have been written, or not.
    const lost = rollBack().catch(() => null);
    await gateway.kill();
    await lost;
    expect([0, 50]).toContain((await onDisk()).percent);
    await gateway.start();
    expect((await rollBack()).body).toMatchObject({ to: 'v-1', epoch: 2 });
    expect(await onDisk()).toMatchObject({ percent: 0, epoch: 2, owner: 'rollback/1' });
    expect(await lanesOf(20)).toEqual(new Set(['stable']));
  });

  it('to a release that is not warm is finished by a restart', async () => {
    await gateway.share(0);
    await gateway.byHand({ lanes: { candidate: null } });
    expect((await rollBack({ to: 'v0' })).body.view.state).toMatchObject({ restoring: 'v0' });
    await gateway.kill();
    await gateway.start();
    await gateway.until(ready('stable', 'v0'));
  });

  it.each<[string, object, number, RegExp]>([
    ['a release that is not there', { to: 'v-9' }, 422, /^to: there is no release v-9/],
    ['no key', { key: undefined }, 400, /^key: /],
    ['a percent', { percent: 5 }, 400, /^percent: unknown field/],
  ])('refuses %s and changes nothing', async (_, more, status, detail) => {
    const before = (await gateway.control('GET', '/control')).body.state;
    const answer = await rollBack(more);
    expect([answer.status, answer.body.detail]).toEqual([status, expect.stringMatching(detail)]);
    expect((await gateway.control('GET', '/control')).body.state).toEqual(before);
  });
});
