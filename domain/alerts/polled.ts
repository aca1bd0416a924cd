import type { AlertScene, Mark } from './readings.ts';
import { openingOf, windowReading } from './readings.ts';
import type { AlertRule } from './rules.ts';
import { ALERT_METRICS } from './rules.ts';
import type { AlertReading } from './threshold.ts';
import { few } from './threshold.ts';
import { gaugeReading } from './lane-gauges.ts';
import type { LaneName } from '../control/traffic-split.ts';
import type { LaneCounters } from '../metrics/snapshot.ts';
import type { TuningWatch } from './tuning-windows.ts';
import { tuningReading } from './tuning-windows.ts';

/** What is known at a poll, beside the counters of it. */
interface Known {
  /** The newest is of this poll. */
  readonly marks: readonly Mark[];
  readonly scene: AlertScene | null;
  readonly tuning: Readonly<Record<LaneName, TuningWatch | null>>;
  readonly nowMs: number;
}

/** One lane with users under a rule on what is seen at each poll. */
export function polledReading(
  rule: AlertRule,
  lane: LaneName,
  counters: LaneCounters,
  { marks, scene, tuning, nowMs }: Known,
): AlertReading {
  const { source } = ALERT_METRICS[rule.metric];
  switch (source) {
    case 'window':
      return windowReading(rule, lane, counters, marks, nowMs, scene);
    case 'gauge': {
      const opening = openingOf(rule, lane, counters.release, marks, nowMs);
      return gaugeReading(rule, counters.own ?? null, opening?.own ?? null);
    }
    case 'tuning':
      return tuningReading(rule, tuning[lane], nowMs);
    case 'evaluation':
      return few('an evaluation is no poll');
    default:
      return source satisfies never;
  }
}
