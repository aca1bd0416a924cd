import { describe, expect, it } from 'vitest';
import { nextAction } from '../../../domain/rollout/next-action.ts';
import { PHASES, counts, measuresOn } from '../../../domain/rollout/phases.ts';
import { reduce } from '../../../domain/rollout/reduce.ts';
import type { Phase, RolloutState } from '../../../domain/rollout/state.ts';
import { newRollout } from '../../../domain/rollout/state.ts';
import { aPlan } from '../../support/a-plan.ts';

const plan = aPlan();
const ALL = Object.keys(PHASES) as Phase[];

function inPhase(phase: Phase, known: Partial<RolloutState> = {}): RolloutState {
  return { ...newRollout('retriever', 'v0', 0), phase, t0Ms: 0, percent: 5, reached: 0, ...known };
}

describe('the table of phases', () => {
  it('lets no late answer of another phase change what a rollout knows', () => {
    const late = { kind: 'fenced', epoch: 9, interventions: 3 } as const;
    for (const phase of ALL.filter((name) => name !== 'fence')) {
      const state = inPhase(phase, { epoch: 4 });
      expect(counts(phase, late), phase).toBe(false);
      expect(reduce(plan, state, late, 1).state, phase).toBe(state);
    }
    expect(reduce(plan, inPhase('fence', { epoch: 4 }), late, 1).state).toMatchObject({ epoch: 9 });
  });

  it('takes up in every phase what comes by itself', () => {
    for (const phase of ALL) {
      expect(counts(phase, { kind: 'cancelled' }), phase).toBe(true);
      expect(counts(phase, { kind: 'superseded', reason: 'another run' }), phase).toBe(true);
    }
  });

  it('goes on with windows while it is held with its share, and with nothing else of a stage', () => {
    const going = ALL.filter((phase) => measuresOn(plan, inPhase(phase)));
    expect(going).toEqual([
      'evaluateStart',
      'warmUp',
      'openWindow',
      'measuring',
      'closeWindow',
      'evaluateEnd',
    ]);
    expect(ALL.filter((phase) => measuresOn(plan, inPhase(phase, { percent: 0 })))).toEqual([]);
  });

  it.each(['soak', 'readFlags', 'applyRemediation', 'promote'] as const)(
    'measures again after a hold in %s: nothing is raised or promoted on what was seen before',
    (phase) => {
      const message = { name: 'hold', reason: null, by: 'ada' } as const;
      const { state } = reduce(plan, inPhase(phase), { kind: 'message', message }, 1);
      expect(state).toMatchObject({ phase: 'openWindow', held: { why: 'operator' }, opening: null });
    },
  );

  it('takes users off a candidate that nobody sees, held and paused as well', () => {
    const held = { why: 'noTelemetry', reason: 'no metrics' } as const;
    for (const stopped of [{ held }, { pausedSinceMs: 0 }, { held, pausedSinceMs: 0 }])
      expect(nextAction(plan, inPhase('withdrawTraffic', stopped))).toMatchObject({ do: 'withdrawTraffic' });
  });

  it.each(['rollback', 'done'] as const)(
    'lets nothing change a rollout in %s that the guard sees',
    (phase) => {
      const state = inPhase(phase);
      for (const event of [
        { kind: 'breach', trigger: 'gross errors', reason: '30 % errors' },
        { kind: 'noTelemetry', reason: 'no metrics' },
        { kind: 'noTelemetryTimeout', reason: 'no metrics' },
      ] as const)
        expect(reduce(plan, state, { kind: 'guard', event }, 1).state).toBe(state);
      expect(nextAction(plan, { ...state, pausedSinceMs: 0 }).do).toBe(
        phase === 'rollback' ? 'rollback' : 'finish',
      );
    },
  );
});
