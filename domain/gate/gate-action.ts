import type { GateCheck, RemediationStep } from '../plan/plan.ts';

/** Of several fails the one that asks for most. */
export function mostSevereAction(asked: readonly GateCheck['onFail'][]): GateCheck['onFail'] | null {
  return (['rollback', 'hold', 'remediate'] as const).find((onFail) => asked.includes(onFail)) ?? null;
}

/** Each row's steps in their order. A row that nothing on a ladder helps needs a person, whatever the others may try. */
export function remediationOf(
  verdict: 'pass' | 'warn' | 'fail' | 'inconclusive',
  rows: readonly GateCheck[],
): readonly RemediationStep[] {
  const climbs =
    verdict === 'warn' || (verdict === 'fail' && rows.every(({ onFail }) => onFail === 'remediate'));
  if (!climbs || rows.some(({ remediation }) => remediation.length === 0)) return [];
  return [...new Set(rows.flatMap(({ remediation }) => remediation))];
}
