import type { MarginName } from '../metrics/metric.ts';
import type { Metric } from '../metrics/registry.ts';

/** Steps of remediation that may come before a rollback, in the runbook's order. */
export const REMEDIATION_STEPS = [
  'rerankerOff',
  'nprobeDown',
  'nprobeUp',
  'rerankerOn',
  'fallbackModel',
  /** the workflow `nprobeTuning` on the candidate's lane: the runbook's ten-minute pass */
  'sweep',
  'hold',
] as const;
export type RemediationStep = (typeof REMEDIATION_STEPS)[number];

/**
 * How a plan's gates and guard decide. `threshold`: measured values against the runbook's limits, and its triggers to the
 * letter. `sequentialTest`: proven by intervals with a margin for each stage, and both lanes compared in the same minutes.
 */
export const DECISION_RULES = ['sequentialTest', 'threshold'] as const;

/** One line of a gate's table. */
export interface GateCheck {
  readonly metric: Metric;
  /**
   * `limit`: the metric itself. `stable`: how much the candidate exceeds stable in the same window; a difference, or
   * for a P95 a ratio (1.15 = 15 % slower).
   */
  readonly compareTo: 'limit' | 'stable';
  /** Proven beyond this: warn. At least one of `warnAbove` and `failAbove` is set, and warnAbove <= failAbove. */
  readonly warnAbove: number | null;
  /** Proven beyond this: a fail. */
  readonly failAbove: number | null;
  /** `remediate`: as a warn does, the steps of `remediation` first; then hold. */
  readonly onFail: 'hold' | 'rollback' | 'remediate';
  /** True: the whole interval decides; false: the measured value does, for an expectation. */
  readonly useInterval: boolean;
  /** Fewer samples of the candidate are not judged: unknown. */
  readonly minSamples: number;
  /** What a warn tries, first step first; `hold` ends it. Empty: a warn holds at once. */
  readonly remediation: readonly RemediationStep[];
  /** Shown, never gating. */
  readonly dryRun: boolean;
}

/**
 * How far beyond its first limit the interval of a row that passes may reach with the decision rule `sequentialTest`, in shares; `slow` is for each P95,
 * in shares of requests slower than the limit. Few users cannot prove the limit itself; what lies beyond it is still proven worse.
 */
type Margins = Readonly<Record<MarginName, number>>;

export interface Stage {
  readonly name: string;
  readonly percent: number;
  /** Earliest start, from T0. */
  readonly atMs: number;
  /** The same moment on the runbook's clock, to be shown, e.g. `T+2h`. */
  readonly runbookAt: string;
  /** Not measured after the raise: caches are cold. */
  readonly warmUpMs: number;
  /** Earliest decision, from T0. */
  readonly decideAtMs: number;
  readonly runbookDecideAt: string;
  /** Length of the window that ends at the decision, and of the one before the next raise. */
  readonly windowMs: number;
  /** Labelled evaluation of the candidate lane: right after the raise, before the decision's window, or after it. */
  readonly evaluate: 'start' | 'end' | null;
  readonly margins: Margins;
  readonly rows: readonly GateCheck[];
}

/** A rule of the guard, judged at each poll over the last `overMs`. */
export interface Trigger {
  readonly name: string;
  readonly metric: 'errorRate' | 'endToEndP95' | 'qualityShortfall';
  readonly over: number;
  /** Over how much time a poll looks back. */
  readonly overMs: number;
  /** Least samples in that time; fewer are no breach and no all-clear. */
  readonly minSamples: number;
  /** Sustained: at least 80 % of the polls with enough samples over this time breached. */
  readonly forMs: number;
  /** Or so many polls in a row; the fast path for gross breaches. Exactly one of `forMs > 0` and `polls > 0`. */
  readonly polls: number;
}

/**
 * What the decision rule `sequentialTest` accumulates from minute to minute: the candidate is worse than stable by more than is tolerated.
 * `encodeP95` and `requestP95` are accumulated for each kind of queries by itself.
 */
export interface HarmRule {
  readonly metric: 'errorRate' | 'endToEndP95' | 'encodeP95' | 'requestP95' | 'qualityShortfall';
  /** For a P95: slow is slower than so many times stable's P95; null for the others. */
  readonly over: number | null;
  /** Share of requests by which the candidate may be worse. */
  readonly tolerance: number;
  readonly onAlarm: 'hold' | 'rollback';
}

export interface GuardRules {
  readonly pollMs: number;
  /** Both lanes are compared over intervals of at least so long. */
  readonly compareEveryMs: number;
  readonly harms: readonly HarmRule[];
  readonly leaseTtlMs: number;
  readonly onLeaseExpiry: 'zero' | 'keep';
  /** Without data for so long: hold, and page. */
  readonly noTelemetryAfterMs: number;
  /** Without data for so long: a share below 100 % goes to 0. */
  readonly noTelemetryMaxMs: number;
  /** A lane that is not ready for so long is a breach of every error rule. */
  readonly notReadyMs: number;
  readonly triggers: readonly Trigger[];
  /** A drop of R@5 beyond this in any evaluation rolls back. */
  readonly rAt5DropOver: number;
}

export interface Plan {
  readonly name: string;
  readonly describes: string;
  readonly decisionRule: (typeof DECISION_RULES)[number];
  /** Stable alone is measured for so long before T0. */
  readonly baselineMs: number;
  /** Two-sided confidence of the intervals, e.g. 0.95, shared by all looks at one window. */
  readonly confidence: number;
  /** A latency limit relative to stable lies at least so many ms above stable's P95. */
  readonly p95ExcessMs: number;
  /** A window that cannot decide yet is made longer by so much, at most so often; then hold. */
  readonly extendByMs: number;
  readonly extendAtMost: number;
  /** Steps of remediation that one stage may take; then hold. */
  readonly maxRemediations: number;
  /** While held, a fresh window is judged this often. */
  readonly holdEveryMs: number;
  readonly stages: readonly Stage[];
  readonly guard: GuardRules;
  /** Share of all queries, 0..100, that are shadowed while the candidate has users; null: as the gateway has it. */
  readonly shadowPercent: number | null;
  /** Whether pre-flight refuses while no monitor watches the alert rules; null: it says so, and goes on. */
  readonly monitor: 'required' | null;
  /** The old stable stays warm for so long after the promotion. */
  readonly keepPreviousMs: number;
  /** Time for the candidate's lane to be ready. */
  readonly loadWithinMs: number;
}

/**
 * Without a live stable so many times as much is tolerated: its last minutes were another time of the day. Not of the
 * proxy, whose releases promise a share for any time. And a spike that would hit both lanes is seen on one.
 */
export const UNCONTROLLED_TOLERANCE_FACTOR = 3;
