import { describe, expect, it } from 'vitest';
import type { NprobeTuningInput, TuningRequest } from '../../../domain/tuning/input.ts';
import { readNprobeTuningInput } from '../../../domain/tuning/input.ts';

const DEFAULTS: TuningRequest = {
  service: 'retriever',
  lane: 'stable',
  priority: 'balanced',
  targetMs: 8,
  nprobes: [4, 8, 12, 16],
  apply: true,
  held: null,
};
const HELD = { owner: 'rollout/retriever/run', epoch: 3 };

describe('the input of nprobeTuning', () => {
  it.each<[string, unknown, Partial<TuningRequest>]>([
    ['may be absent', undefined, {}],
    ['may be null', null, {}],
    ['may be empty', {}, {}],
    [
      'of a rollout means its candidate',
      { held: HELD } satisfies NprobeTuningInput,
      { held: HELD, lane: 'candidate' },
    ],
    [
      'may name all',
      { lane: 'candidate', priority: 'latency', targetMs: 2.5, nprobes: [1, 2], apply: false },
      {
        lane: 'candidate',
        priority: 'latency',
        targetMs: 2.5,
        nprobes: [1, 2],
        apply: false,
      },
    ],
  ])('%s', (_, raw, order) => {
    expect(readNprobeTuningInput(raw)).toEqual({ input: { ...DEFAULTS, ...order } });
  });

  it.each<[string, unknown, RegExp]>([
    ['a text', 'undecodable', /must be an object/],
    ['a list', [], /must be an object/],
    ['an unknown field', { nprobe: 4 }, /^nprobe: unknown field; there are service, lane/],
    ['a lane without users', { lane: 'previous' }, /^lane: must be stable or candidate, not "previous"$/],
    ['a priority nobody knows', { priority: 'speed' }, /^priority: /],
    ['no time at all', { targetMs: 0 }, /^targetMs: /],
    ['a time that is no number', { targetMs: '8ms' }, /^targetMs: .*"8ms"/],
    ['nothing to try', { nprobes: [] }, /^nprobes: /],
    ['an nprobe of 0', { nprobes: [0, 4] }, /^nprobes: /],
    ['an nprobe twice', { nprobes: [4, 4] }, /^nprobes: /],
    ['a name that leads out of its folder', { service: '../x' }, /^service: /],
    ['a fence without its epoch', { held: { owner: 'me' } }, /^held: /],
    ['apply as a text', { apply: 'no' }, /^apply: must be true or false/],
  ])('refuses %s by name', (_, raw, problem) => {
    expect(readNprobeTuningInput(raw)).toEqual({ problems: [expect.stringMatching(problem)] });
  });

  it('names every problem at once', () => {
    expect(readNprobeTuningInput({ lane: 1, targetMs: -1 })).toMatchObject({ problems: { length: 2 } });
  });
});
