import { evaluationReading } from './evaluations.ts';
import type { AlertPoll, ServingContext } from './readings.ts';
import { laneWithUsers, windowReading } from './readings.ts';
import type { CounterSample } from '../rules/counter-sample.ts';
import { openingOf } from '../rules/counter-sample.ts';
import type { AlertRule, AlertRules } from './rules.ts';
import { ALERT_METRICS } from './rules.ts';
import type { AlertReading } from './threshold.ts';
import { gaugeReading } from './lane-gauges.ts';
import type { LaneName } from '../control/traffic-split.ts';
import type { TuningWatch } from './tuning-windows.ts';
import { tuningReading } from './tuning-windows.ts';

/** All that the rules are judged on at one poll. */
export interface Observation {
  readonly rules: AlertRules;
  /** Without bodies that stand still. */
  readonly poll: AlertPoll;
  /** The last that the control listener answered. */
  readonly scene: ServingContext | null;
  /** The newest is of this poll, where it has metrics. */
  readonly samples: readonly CounterSample[];
  readonly tuning: Readonly<Record<LaneName, TuningWatch | null>>;
  readonly nowMs: number;
}

/** A rule on a lane: `unknown` without its source, `unwatched` where the lane serves nobody. */
export type RuleReading =
  | { readonly kind: 'read'; readonly release: string; readonly reading: AlertReading }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unwatched' };

/** What a rule reads of a lane now. */
export function ruleReading(rule: AlertRule, lane: LaneName, now: Observation): RuleReading {
  return ALERT_METRICS[rule.metric].source === 'evaluation'
    ? ofEvaluations(rule, lane, now)
    : ofPoll(rule, lane, now);
}

function ofEvaluations(rule: AlertRule, lane: LaneName, now: Observation): RuleReading {
  const { scene, poll, rules, nowMs } = now;
  const { evaluations } = poll;
  if (scene === null || evaluations.kind === 'missing') return { kind: 'unknown' };
  const release = scene[lane];
  if (release === null) return { kind: 'unwatched' };
  const { maxAgeMs } = rules.evaluations;
  const reading = evaluationReading(rule, release, evaluations.records, maxAgeMs, nowMs);
  return { kind: 'read', release, reading };
}

function ofPoll(rule: AlertRule, lane: LaneName, now: Observation): RuleReading {
  const { poll, samples, tuning, scene, nowMs } = now;
  if (poll.snapshot.kind === 'missing') return { kind: 'unknown' };
  const counters = laneWithUsers(poll.snapshot.snapshot, lane);
  if (counters === null) return { kind: 'unwatched' };
  const { release } = counters;
  const read = (reading: AlertReading): RuleReading => ({ kind: 'read', release, reading });
  switch (ALERT_METRICS[rule.metric].source) {
    case 'gauge': {
      const opening = openingOf(rule.lookBackMs, lane, release, samples, nowMs);
      return read(gaugeReading(rule, counters.own, opening?.own ?? null));
    }
    case 'tuning':
      return read(tuningReading(rule, tuning[lane], nowMs));
    default:
      return read(windowReading(rule, lane, counters, samples, nowMs, scene));
  }
}
