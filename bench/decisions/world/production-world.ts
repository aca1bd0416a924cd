import type { ChangeResult } from '../../../domain/control/change-result.ts';
import { firstState } from '../../../domain/control/apply-command.ts';
import type { ControlView } from '../../../domain/control/state.ts';
import { NEWEST_SPLIT, splitPoint } from '../../../domain/control/traffic-split.ts';
import type { EvaluationResult } from '../../../domain/core/evaluation-result.ts';
import type { SnapshotResult } from '../../../domain/metrics/snapshot.ts';
import type { PreflightReport } from '../../../domain/preflight/report.ts';
import type { KeyedChange } from '../../../domain/rollout/next-action.ts';
import type { NprobeTuningResult } from '../../../domain/tuning/input.ts';
import { seededRandom } from '../../../devstack/traffic/arrivals.ts';
import { poisson } from '../../../simulation/draws.ts';
import type { Answer, World } from '../../../simulation/simulate.ts';
import { laneCounters, shadowCounters } from './counters.ts';
import type { Kind } from './kind.ts';
import { MINUTE, strength } from './effects.ts';
import { flagEffects } from './flags.ts';
import { usualLife } from './surroundings.ts';
import { Traffic } from './traffic.ts';

/** Labelled queries, and how many of them fall otherwise although nothing has changed: labels, ties and machines differ. */
const QUERIES = 450;
const LABEL_NOISE = 0.0045;
/** The promised R@5 was measured too: it lies off by so many queries, one standard deviation. */
const PROMISE_NOISE = 2;
/** metrics.json is a measurement: of so many queries, and of another time than now. */
const PROMISE_QUERIES = 1_500;
const MISSES = 0.05;
const STEP_MS = 15_000;

/** Two days of a service in production, for `simulate`. Deterministic for a seed. */
export class ProductionWorld implements World {
  readonly candidate = 'v0';
  readonly traffic: Traffic;
  private nowMs = 0;
  private stable = 'v-1';
  private gatewayStartMs = 0;
  private staleSnapshot: SnapshotResult | null = null;
  private readonly random: () => number;
  private readonly promisedAt5: number;
  private readonly promised: { readonly stable: number; readonly candidate: number };

  constructor(rate: number, seed: number, { name, effects }: Kind) {
    const random = seededRandom(seed * 1_000_003 + Math.floor(splitPoint(NEWEST_SPLIT, name, 'seed') * 100));
    this.random = random;
    this.traffic = new Traffic(rate, seed, [...usualLife(random), ...effects(random)], random);
    const promise = () => 1 - poisson(PROMISE_QUERIES * MISSES, random) / PROMISE_QUERIES;
    // Three uniform numbers: nearly normal with this deviation, and never far off.
    this.promisedAt5 = ((random() + random() + random() - 1.5) * 2 * PROMISE_NOISE) / QUERIES;
    this.promised = { stable: promise(), candidate: promise() };
  }

  advance(nowMs: number): void {
    while (this.nowMs < nowMs) {
      const stepMs = Math.min(STEP_MS, nowMs - this.nowMs);
      this.traffic.step(this.nowMs, stepMs);
      this.nowMs += stepMs;
      const restart = this.traffic.active(this.nowMs).some(({ gatewayRestart }) => gatewayRestart === true);
      if (!restart) continue;
      this.traffic.restartGateway();
      this.gatewayStartMs = this.nowMs;
    }
  }

  snapshot(): SnapshotResult {
    const active = this.traffic.active(this.nowMs);
    if (active.some(({ dark, gatewayRestart }) => dark === true || gatewayRestart === true))
      return { kind: 'missing', reason: 'the metrics do not answer' };
    if (this.staleSnapshot !== null && active.some(({ stale }) => stale === true)) return this.staleSnapshot;
    const { lanes, keys, percent, shadowPercent } = this.traffic;
    const of = (lane: 'stable' | 'candidate', release: string) =>
      laneCounters(lanes[lane], release, keys[lane].size, this.nowMs);
    this.staleSnapshot = {
      kind: 'snapshot',
      snapshot: {
        takenAtMs: this.nowMs,
        processStartMs: 1 + this.gatewayStartMs,
        uptimeMs: this.nowMs - this.gatewayStartMs,
        percent,
        epoch: 1,
        lanes: { stable: of('stable', 'v-1'), candidate: of('candidate', 'v0') },
        shadow: shadowPercent === 0 ? null : shadowCounters(this.traffic.pairs),
        touched: null,
      },
    };
    return this.staleSnapshot;
  }

  control(): ControlView | null {
    const { percent, flags } = this.traffic;
    const control = firstState({ release: this.stable, flags: null }, 0);
    const lanes = { ...control.lanes, candidate: { release: 'v0', flags } };
    const none = { stable: null, candidate: null, previous: null, spare: null };
    return {
      state: { ...control, epoch: 1, percent, lanes },
      lanes: none,
      nowMs: this.nowMs,
      killSwitch: false,
    };
  }

  change({ change: { commands } }: KeyedChange): Answer<ChangeResult> {
    for (const command of commands) {
      if (command.kind === 'promote') this.stable = 'v0';
      if (command.kind === 'setFlags') this.traffic.flags = command.flags;
      if (command.kind !== 'setTraffic') continue;
      this.traffic.shadowPercent = command.shadowPercent ?? this.traffic.shadowPercent;
      if (command.percent !== undefined) this.traffic.setPercent(command.percent, this.nowMs);
    }
    return { afterMs: 0, result: this.settle() };
  }

  settle(): ChangeResult {
    const view = this.control();
    if (view === null) throw new Error('control: is null, must answer; see ProductionWorld.control');
    return { kind: 'done', view };
  }

  /** The sweep finds the next smaller nprobe that is fast enough, as the tuning workflow does. */
  tune(): Answer<NprobeTuningResult> {
    const { flags } = this.traffic;
    const nprobe = Math.max(4, flags.nprobe / 2);
    this.traffic.flags = { ...flags, nprobe };
    return { afterMs: 10 * MINUTE, result: { outcome: 'applied', nprobe, reason: 'faster' } };
  }

  evaluate(): Answer<EvaluationResult> {
    const active = this.traffic.active(this.nowMs);
    const afterMs = 3 * MINUTE;
    if (active.some(({ noEvaluation }) => noEvaluation === true))
      return { afterMs, result: { kind: 'missing', reason: 'the evaluation does not answer' } };
    const atMs = this.traffic.sinceT0(this.nowMs);
    const drop =
      flagEffects(this.traffic.flags).rAt5 +
      active.reduce(
        (sum, effect) => sum + (effect.lane === 'stable' ? 0 : (effect.rAt5 ?? 0) * strength(effect, atMs)),
        0,
      );
    const off = drop + this.promisedAt5;
    const lost = poisson(QUERIES * (LABEL_NOISE + Math.max(0, off)), this.random);
    const gained = poisson(QUERIES * (LABEL_NOISE + Math.max(0, -off)), this.random);
    const expected = { rAt5: 0.63, mrr: 0.47, containAt50: 0.96 };
    const found = { ...expected, rAt5: expected.rAt5 - (lost - gained) / QUERIES };
    return {
      afterMs,
      result: {
        kind: 'evaluated',
        release: 'v0',
        atMs: this.nowMs,
        queries: QUERIES,
        ...found,
        expected,
        lostAt5: lost,
        gainedAt5: gained,
        file: '',
      },
    };
  }

  preflight(): PreflightReport {
    const quality = (release: string, expectedShare: number) => ({
      release,
      tau: 0.49,
      expectedShare,
      rAt5: 0.63,
      queries: QUERIES,
    });
    return {
      checks: [],
      stable: 'v-1',
      candidateQuality: quality('v0', this.promised.candidate),
      stableQuality: quality('v-1', this.promised.stable),
    };
  }
}
