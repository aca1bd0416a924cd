import type { GateCheck, LadderStep } from '../plan/plan.ts';

/** Of several fails the one that asks for most. */
export function mostSevereAction(asked: readonly GateCheck['onRed'][]): GateCheck['onRed'] | null {
  return (['rollback', 'hold', 'ladder'] as const).find((onRed) => asked.includes(onRed)) ?? null;
}

/** Each row's steps in their order. A row that nothing on a ladder helps needs a person, whatever the others may try. */
export function ladderOf(
  verdict: 'pass' | 'warn' | 'fail' | 'inconclusive',
  rows: readonly GateCheck[],
): readonly LadderStep[] {
  const climbs = verdict === 'warn' || (verdict === 'fail' && rows.every(({ onRed }) => onRed === 'ladder'));
  if (!climbs || rows.some(({ ladder }) => ladder.length === 0)) return [];
  return [...new Set(rows.flatMap(({ ladder }) => ladder))];
}
