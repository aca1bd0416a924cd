import type { ControlView, Intervention } from '../control/state.ts';
import type { Plan } from '../plan/plan.ts';
import type { Compared } from './lane-comparison.ts';
import type { CounterSample } from '../rules/counter-sample.ts';
import type { RuleSeries } from '../rules/series.ts';
import type { LaneName } from '../control/traffic-split.ts';
import type { SeenClocks } from '../metrics/source-clock.ts';
import type { SnapshotResult } from '../metrics/snapshot.ts';
import type { ReleaseQuality } from '../core/release-quality.ts';

/** What the guard reports. All but `breach` leave the rollout alive; what follows is decided in rollout.ts. */
export type GuardEvent =
  | { readonly kind: 'breach'; readonly trigger: string; readonly reason: string }
  /** A breach has begun: the operator is notified at once. What follows from it comes when it lasts. */
  | {
      readonly kind: 'breaching';
      readonly trigger: string;
      readonly reason: string;
      /** Stable breaches the same: going back to it would not help. */
      readonly stableToo: boolean;
    }
  /** The candidate is proven to be worse than stable by more than is tolerated, and that is no emergency. */
  | { readonly kind: 'harm'; readonly trigger: string; readonly reason: string }
  /** Stable breaches the same rule: going back to it would not help. */
  | { readonly kind: 'baselineAlsoFailing'; readonly trigger: string; readonly reason: string }
  | { readonly kind: 'noTelemetry'; readonly reason: string }
  | { readonly kind: 'noTelemetryTimeout'; readonly reason: string }
  | {
      readonly kind: 'intervened';
      readonly intervention: Intervention;
      readonly interventions: number;
      readonly percent: number;
    }
  | { readonly kind: 'superseded'; readonly reason: string };

/** What the guard sees at one moment. */
export interface Poll {
  readonly snapshot: SnapshotResult;
  /** Null where the control listener did not answer. */
  readonly control: ControlView | null;
}

/** Plain JSON: it travels through heartbeats, and from one run of the rollout to the next. */
export interface GuardState {
  /** Interventions that it has reported; 0 before the first. */
  readonly interventions: number;
  /** When the guard last had both metrics and control. */
  readonly lastSeenMs: number;
  /** Clocks of the gateways that answered; null before the first. */
  readonly clocks: SeenClocks | null;
  /** What was reported of the blindness under way, and when; null while the guard sees. */
  readonly noTelemetryNotified: {
    readonly kind: 'noTelemetry' | 'noTelemetryTimeout';
    readonly atMs: number;
  } | null;
  /** Triggers whose breach was reported, until it is over. */
  readonly notified: readonly string[];
  /** When both lanes were last said to breach, by trigger. */
  readonly baselineNotifiedMs: Readonly<Record<string, number>>;
  /** As far back as the longest look-back, oldest first. */
  readonly samples: readonly CounterSample[];
  /** Each trigger from poll to poll, by lane and name. */
  readonly rules: Readonly<Record<LaneName, Readonly<Record<string, RuleSeries>>>>;
  /** What the decision rule `sequentialTest` carries; null with the other one, and before its first poll. */
  readonly compared: Compared | null;
}

export interface GuardContext {
  readonly plan: Plan;
  readonly epoch: number;
  /** Interventions known so far. */
  readonly interventions: number;
  readonly candidateQuality: ReleaseQuality | null;
  readonly stableQuality: ReleaseQuality | null;
}
