import { unseenForMs } from '../../domain/guard/holder-watch.ts';
import type { LaneName } from '../../domain/control/traffic-split.ts';
import type { GatewayClock } from './control/clock.ts';
import type { ControlPlane } from './control/control-plane.ts';
import { askCounters } from './lanes/lane-counters.ts';
import type { Lanes } from './lanes/lanes.ts';
import type { DistinctKeys, Metrics } from './metrics.ts';
import { showLanes } from './metrics.ts';
import type { ExperimentArms } from './observers/experiment.ts';

const LANES = ['stable', 'candidate'] as const;

/** What the gauges show. */
export interface GaugesDeps {
  readonly control: ControlPlane;
  readonly lanes: Lanes;
  readonly metrics: Metrics;
  readonly keys: DistinctKeys;
  readonly experiment: ExperimentArms;
  readonly clock: GatewayClock;
}

/** Brings the gauges up to date, for a scrape; asks the lanes what they count. */
export async function refreshGauges(deps: GaugesDeps): Promise<void> {
  const { metrics, control, lanes, clock, experiment } = deps;
  const reports = await Promise.all(LANES.map((lane) => askReport(lanes, lane)));
  // From here on without a pause: a scrape at the same time must not see half of it.
  showLanes(
    metrics,
    reports.filter((report) => report !== null),
  );
  showStatuses(deps);
  const { state } = control;
  metrics.percent.set(state.percent);
  metrics.epoch.set(state.epoch);
  metrics.stateUnsaved.set(control.unsaved ? 1 : 0);
  metrics.shadowPercent.set(state.shadowPercent);
  metrics.holderUnseen.set(unseenForMs(state, clock.now()) / 1000);
  experiment.refreshGauges(state);
}

function showStatuses({ metrics, control, lanes, keys, clock }: GaugesDeps): void {
  for (const gauge of [metrics.laneReady, metrics.laneNotReady, metrics.breakerOpen, metrics.distinctKeys])
    gauge.reset();
  for (const lane of LANES) {
    const status = lanes.statuses(control.state)[lane];
    metrics.distinctKeys.set({ lane }, keys.count(lane));
    if (status === null) continue;
    metrics.laneReady.set({ lane, release: status.release }, status.state === 'ready' ? 1 : 0);
    metrics.laneNotReady.set(
      { lane },
      status.notReadySinceMs === null ? 0 : (clock.now() - status.notReadySinceMs) / 1000,
    );
    metrics.breakerOpen.set({ lane }, status.breaker === 'open' ? 1 : 0);
  }
}

async function askReport(lanes: Lanes, lane: LaneName) {
  const process = lanes.get(lane);
  const report = await askCounters(process?.pool ?? null);
  return process === undefined || report === null ? null : { lane, release: process.release, report };
}
