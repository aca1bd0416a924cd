import type { Metric } from '../metrics/registry.ts';
import type { RemediationStep } from '../plan/plan.ts';
import type { Evidence } from '../metrics/evidence.ts';
import type { Verdict } from '../core/verdict.ts';
import type { GateResult } from '../gate/gate-result.ts';

/** A verdict with all that is needed to come to it again, or by another plan to another. */
export interface GateRecord {
  readonly rows: readonly { readonly metric: Metric; readonly verdict: Verdict; readonly reason: string }[];
  readonly onFail: GateResult['onFail'];
  /** What the rows in question would try, and what this stage has tried already. */
  readonly remediation: readonly RemediationStep[];
  readonly taken: readonly RemediationStep[];
  /** How often the window had been extended before, and may be at the most. */
  readonly extensions: number;
  readonly extendAtMost: number;
  readonly held: boolean;
  /** Null where there was no window to judge. */
  readonly evidence: Evidence | null;
}

/** One decision of a rollout: what it was made on, by whom, and what followed. Plain JSON of a few kB. */
export interface Decision {
  readonly atMs: number;
  readonly stage: string | null;
  /** The candidate's share when it was made. */
  readonly percent: number;
  readonly kind: 'verdict' | 'message' | 'guard' | 'outcome';
  /** `judge`, `guard`, `rollout`, or the name that came with a message. */
  readonly who: string;
  readonly verdict: Verdict | null;
  readonly reason: string;
  /** What was done next, as words. */
  readonly action: string;
  /** Of a verdict alone. */
  readonly gate: GateRecord | null;
}

/** The gate of a decision record, in either spelling: the version before had `onRed`, with the value `ladder`, and `ladder`. */
export function readGate(recorded: GateRecord): GateRecord {
  const { onRed, ladder, ...rest } = recorded as GateRecord & {
    readonly onRed?: Exclude<GateResult['onFail'], 'remediate'> | 'ladder';
    readonly ladder?: GateRecord['remediation'];
  };
  return {
    ...rest,
    onFail: onRed === undefined ? rest.onFail : onRed === 'ladder' ? 'remediate' : onRed,
    remediation: ladder ?? rest.remediation,
  };
}
