import { describe, expect, it } from 'vitest';
import type { NprobePriority } from '../../../domain/tuning/choose-nprobe.ts';
import { describeChoice } from '../../../domain/tuning/describe-choice.ts';
import { chooseNprobe } from '../../../domain/tuning/choose-nprobe.ts';

/** The runbook's own example. */
const RUNBOOK = [
  { nprobe: 4, p95Ms: 3.2, deltaPoints: -1.2 },
  { nprobe: 8, p95Ms: 4.8, deltaPoints: -0.3 },
  { nprobe: 12, p95Ms: 7.1, deltaPoints: -0.1 },
  { nprobe: 16, p95Ms: 10.5, deltaPoints: 0 },
];

describe('the choice of nprobe', () => {
  it.each<[string, NprobePriority, number, number | null]>([
    ['takes the smallest that qualifies', 'balanced', 8, 8],
    ['takes 4 where latency is critical', 'latency', 8, 4],
    ['takes 12 where accuracy is critical, as 16 is too slow', 'accuracy', 8, 12],
    ['takes 16 for accuracy if the latency budget allows it', 'accuracy', 11, 16],
    ['holds where what is fast enough finds too little', 'balanced', 4, null],
    ['takes one that lies on the limit', 'balanced', 4.8, 8],
  ])('%s', (_, priority, target, nprobe) => {
    const choice = chooseNprobe(RUNBOOK.toReversed(), priority, target);
    expect(choice.kind === 'chosen' ? choice.nprobe : null).toBe(nprobe);
  });

  it('holds with the trials that no other beats, fastest first', () => {
    const beaten = { nprobe: 10, p95Ms: 9, deltaPoints: -0.4 };
    const choice = chooseNprobe([beaten, ...RUNBOOK], 'balanced', 1);
    expect(choice).toMatchObject({ kind: 'hold', pareto: RUNBOOK });
    expect(describeChoice(choice)).toBe(
      'no nprobe of 4, 8, 10, 12, 16 has ∆R@10 >= -0.5 points and P95 <= 1 ms',
    );
  });

  it('[N4] accepts -0.5 points as they come out in binary, and no less', () => {
    const at = (deltaPoints: number) => chooseNprobe([{ nprobe: 4, p95Ms: 1, deltaPoints }], 'balanced', 8);
    expect(at(100 * (0.995 - 1)).kind).toBe('chosen');
    expect(at(-0.52).kind).toBe('hold');
  });

  it('[N5, L2.1] never takes 3 points of loss, however critical the latency', () => {
    expect(chooseNprobe([{ nprobe: 4, p95Ms: 1, deltaPoints: -3.1 }], 'latency', 8).kind).toBe('hold');
  });

  it('does not choose what was not measured', () => {
    const blind = { nprobe: 4, p95Ms: NaN, deltaPoints: 0 };
    expect(chooseNprobe([blind, ...RUNBOOK], 'balanced', 8)).toMatchObject({ nprobe: 8 });
    expect(chooseNprobe([blind], 'balanced', 8)).toMatchObject({ kind: 'hold', measured: [] });
    expect(chooseNprobe([], 'balanced', 8).kind).toBe('hold');
  });
});
