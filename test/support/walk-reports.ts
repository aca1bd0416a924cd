import { firstState } from '../../domain/control/apply-command.ts';
import type { ControlView, Flags, Intervention } from '../../domain/control/state.ts';
import type { EvaluationResult } from '../../domain/core/evaluation-result.ts';
import type { ShadowCounters } from '../../domain/metrics/snapshot.ts';
import { OVERLAP_DEPTH } from '../../domain/metrics/snapshot.ts';
import type { PreflightReport } from '../../domain/preflight/report.ts';

const QUERIES = 1000;
/** The only one that happens to a walk. */
export const INTERVENTION: Intervention = {
  kind: 'byHand',
  by: 'bob',
  atMs: 0,
  what: 'percent 25 -> 3',
  percentBefore: 25,
};

/** An evaluation of the walk's candidate, which has lost that share of R@5. */
export function evaluationOf(lost: number, atMs: number): EvaluationResult {
  const expected = { rAt5: 0.8, mrr: 0.6, containAt50: 0.95 };
  return {
    kind: 'evaluated',
    release: 'v0',
    atMs,
    queries: QUERIES,
    ...expected,
    rAt5: expected.rAt5 - lost,
    expected,
    lostAt5: Math.max(0, Math.round(QUERIES * lost)),
    gainedAt5: Math.max(0, Math.round(-QUERIES * lost)),
    file: 'artifacts/eval/x.json',
  };
}

/** The report of a pre-flight with one check. */
export function reportOf(verdict: 'pass' | 'fail'): PreflightReport {
  const quality = (release: string) => ({
    release,
    tau: 0.65,
    expectedShare: 0.95,
    rAt5: 0.8,
    queries: QUERIES,
  });
  return {
    checks: [{ name: 'norms', verdict, reason: 'row 7 has norm 1.3' }],
    stable: 'v-1',
    candidateQuality: quality('v0'),
    stableQuality: quality('v-1'),
  };
}

/** So many shadowed queries that both lanes answered with the same ids. */
export function alike(queries: number): ShadowCounters {
  const overlap = Array.from({ length: OVERLAP_DEPTH + 1 }, (_, i) => (i === OVERLAP_DEPTH ? queries : 0));
  const differing = { onlyStable: 0, onlyCandidate: 0, neither: 0 };
  return { release: 'v0', against: 'v-1', both: queries, ...differing, overlap, selfOverlap: overlap };
}

/** What the gateway of a walk has in force, after so many interventions. */
export function controlView(
  stable: string,
  { nowMs, percent, flags }: { readonly nowMs: number; readonly percent: number; readonly flags: Flags },
  interventions: number,
): ControlView {
  const first = firstState({ release: stable, flags: null }, 0);
  const lanes = { ...first.lanes, candidate: { release: 'v0', flags } };
  const lastIntervention = interventions > 0 ? INTERVENTION : null;
  return {
    state: { ...first, epoch: 1, interventions, percent, lanes, lastIntervention },
    lanes: { stable: null, candidate: null, previous: null, spare: null },
    nowMs,
    killSwitch: false,
  };
}
