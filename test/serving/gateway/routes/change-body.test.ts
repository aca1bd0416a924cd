import { describe, expect, it } from 'vitest';
import type { ChangeBody } from '../../../../serving/gateway/routes/change-body.ts';
import { askedOf, changeSchema } from '../../../../serving/gateway/routes/change-body.ts';

const FLAGS = { impl: 'gru_v0', reranker: 'off', nprobe: 4 } as const;
const LEASE = { ttlMs: 100, onExpiry: 'zero' } as const;
const TRIAL = { name: 'trial', offPercent: 10, forMs: 900 };

const asked = (fields: Omit<ChangeBody, 'by'>) =>
  askedOf(changeSchema.parse({ by: 'ann', ...fields }), 'by hand 1');

describe('the body of PUT /control', () => {
  it.each<[string, Omit<ChangeBody, 'by'>, readonly object[]]>([
    ['a percent', { percent: 5 }, [{ kind: 'setTraffic', percent: 5 }]],
    [
      'a raise with its lease and shadow',
      { percent: 5, lease: LEASE, shadowPercent: 2 },
      [{ kind: 'setTraffic', percent: 5, shadowPercent: 2, lease: LEASE }],
    ],
    [
      'a new candidate without users',
      { percent: 0, lanes: { candidate: 'v0', spare: null } },
      [
        { kind: 'setTraffic', percent: 0 },
        { kind: 'loadLane', lane: 'candidate', release: 'v0' },
        { kind: 'loadLane', lane: 'spare', release: null },
      ],
    ],
    [
      'flags of both lanes',
      { flags: { candidate: FLAGS, stable: FLAGS } },
      [
        { kind: 'setFlags', lane: 'stable', flags: FLAGS },
        { kind: 'setFlags', lane: 'candidate', flags: FLAGS },
      ],
    ],
    ['an experiment', { experiment: TRIAL }, [{ kind: 'startExperiment', ...TRIAL }]],
    ['the end of an experiment', { experiment: null }, [{ kind: 'endExperiment' }]],
    ['a promotion', { promote: { previousForMs: 5 } }, [{ kind: 'promote', previousForMs: 5 }]],
    ['commands', { commands: [{ kind: 'setTraffic', percent: 5 }] }, [{ kind: 'setTraffic', percent: 5 }]],
    ['nothing', {}, []],
  ])('with %s is a change', (_, fields, commands) => {
    expect(asked(fields)).toEqual({ kind: 'change', body: { by: 'ann', commands } });
  });

  it('of a holder keeps its epoch, step and what it knows', () => {
    expect(asked({ epoch: 3, step: 's', interventions: 1, percent: 5 }).body).toMatchObject({
      epoch: 3,
      step: 's',
      interventions: 1,
    });
  });

  it('with rollbackTo is a rollback, by hand or in the name of the holder', () => {
    const to = 'v-1';
    expect(asked({ rollbackTo: to, reason: 'r' })).toEqual({
      kind: 'rollback',
      body: { by: 'ann', reason: 'r', to, key: 'by hand 1' },
    });
    expect(asked({ rollbackTo: to, epoch: 3, step: 's' })).toEqual({
      kind: 'rollback',
      body: { by: 'ann', to, key: 's', owner: 'ann' },
    });
  });

  it.each<[string, Omit<ChangeBody, 'by'>, RegExp]>([
    ['a rollback with a percent', { rollbackTo: 'v-1', percent: 5 }, /^rollbackTo: .*alone/],
    [
      'a promotion with flags',
      { promote: { previousForMs: 1 }, flags: { stable: FLAGS } },
      /^promote: .*alone/,
    ],
    [
      'a promotion among commands',
      {
        commands: [
          { kind: 'setTraffic', percent: 100 },
          { kind: 'promote', previousForMs: 1 },
        ],
      },
      /^promote: .*alone/,
    ],
    ['commands beside fields', { commands: [], percent: 5 }, /^commands: excludes percent/],
    ['an epoch without a step', { epoch: 3, percent: 5 }, /^step: /],
  ])('is refused with %s', (_, fields, words) => {
    expect(() => asked(fields)).toThrow(words);
  });
});
