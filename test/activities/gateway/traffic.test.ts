import { describe, expect, it } from 'vitest';
import type { ControlClient } from '../../../clients/gateway-client.ts';
import { createTraffic } from '../../../activities/gateway/traffic.ts';
import type { ControlView, TakeEpoch } from '../../../domain/control/state.ts';
import { applyCommand, firstState } from '../../../domain/control/apply-command.ts';

/** The real fence behind the calls of the control client; `loses` answers that never come. */
function fence({ loses = 0 } = {}) {
  let state = firstState({ release: 'v-1', flags: null }, 0);
  let lost = 0;
  const view = (): ControlView => ({
    state,
    lanes: { stable: null, candidate: null, previous: null, spare: null },
    nowMs: 0,
    killSwitch: false,
  });
  const take = (body: TakeEpoch) => {
    const applied = applyCommand(state, { kind: 'takeEpoch', body }, 0);
    state = applied.state;
    return applied.kind;
  };
  const control: Pick<ControlClient, 'view' | 'takeEpoch'> = {
    view: async () => view(),
    async takeEpoch(body) {
      if (take(body) === 'refused') throw new Error('POST /control/epoch answered 409: stale');
      if (lost++ < loses) throw new Error('socket hang up');
      return { epoch: state.epoch, view: view() };
    },
  };
  const rolledBackBy = (owner: string) =>
    take({ owner, key: `${owner}/1`, expected: { owner: state.owner, epoch: state.epoch } });
  return { rolledBackBy, ...createTraffic(control as ControlClient, 'b') };
}

describe('an epoch that is taken from who was seen to have it', () => {
  const OURS = { owner: 'rollout', key: 'rollout/start', expected: { owner: 'nobody', epoch: 0 } };

  it('is taken, and by the same call again is the same one', async () => {
    const { takeEpoch } = fence();
    expect(await takeEpoch(OURS)).toMatchObject({ epoch: 1, view: { state: { owner: 'rollout' } } });
    expect(await takeEpoch(OURS)).toMatchObject({ epoch: 1 });
  });

  it('is not taken back from a rollback that came between a lost answer and the next attempt', async () => {
    const { takeEpoch, rolledBackBy } = fence({ loses: 1 });
    await expect(takeEpoch(OURS)).rejects.toThrow('socket hang up');
    rolledBackBy('ada');
    expect(await takeEpoch(OURS)).toMatchObject({
      epoch: 2,
      lostTo: 'ada',
      view: { state: { owner: 'ada' } },
    });
  });

  it('is refused to who wants to move users of another service, and given to who names none or this one', async () => {
    const { takeEpoch } = fence();
    const asked = { owner: 'rollback/a/run-1', key: 'run-1' };
    await expect(takeEpoch({ ...asked, service: 'a' })).rejects.toMatchObject({
      message: expect.stringContaining('this worker serves b, not a'),
      nonRetryable: true,
    });
    expect(await takeEpoch({ ...asked, service: 'b' })).toMatchObject({ epoch: 1 });
    expect(await takeEpoch({ owner: 'somebody', key: 'run-2' })).toMatchObject({ epoch: 2 });
  });

  it('is tried again where nothing is known to have become of the call', async () => {
    const { takeEpoch } = fence({ loses: 1 });
    await expect(takeEpoch(OURS)).rejects.toThrow('socket hang up');
    expect(await takeEpoch(OURS)).toMatchObject({ epoch: 1 });
  });

  it('is taken from anybody by a rollback, which expects nobody', async () => {
    const { takeEpoch, rolledBackBy } = fence();
    rolledBackBy('ada');
    expect(await takeEpoch({ owner: 'rollback', key: 'rollback/1' })).toMatchObject({ epoch: 2 });
  });
});
