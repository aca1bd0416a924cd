import { firstState } from '../domain/control/apply-command.ts';
import type { ChangeResult } from '../domain/control/change-result.ts';
import type { ControlView } from '../domain/control/state.ts';
import type { EvaluationResult } from '../domain/core/evaluation-result.ts';
import type { SnapshotResult } from '../domain/metrics/snapshot.ts';
import type { Plan } from '../domain/plan/plan.ts';
import type { PreflightReport } from '../domain/preflight/report.ts';
import type { KeyedChange } from '../domain/rollout/next-action.ts';
import type { NprobeTuningResult } from '../domain/tuning/input.ts';
import { binomial } from './draws.ts';
import { SimulatedLanes } from './lanes.ts';
import type { Answer, Observer, Operator, SimulatedEnd, World } from './simulate.ts';
import { simulate } from './simulate.ts';
import type { Conditions } from './conditions.ts';

const RELEASES = { stable: 'v-1', candidate: 'v0' };
/** Labelled queries of an evaluation, and how many of them fall otherwise for no reason. */
const QUERIES = 828;
const NOISE = 0.004;
/** The simulated operator resumes what was held for want of data, or for an incident of both lanes, after so long, and no more often. */
const RESUMES_AFTER_MS = 30 * 60_000;
const RESUMES_AT_MOST = 6;

/**
 * One rollout under drawn conditions, through the real domain code: its state machine, gates and guard, on counters that are drawn.
 * Deterministic for conditions and a `random`. Ends at the first hold that asks for a judgement.
 */
export function simulateRollout(
  plan: Plan,
  conditions: Conditions,
  random: () => number,
  observer: Observer | null = null,
): SimulatedEnd {
  const world = new DrawnWorld(conditions, plan.shadowPercent ?? 0, random);
  return simulate(plan, world, { operator: resumesGaps, ...(observer === null ? {} : { observer }) });
}

const resumesGaps: Operator = ({ why }, asked) =>
  (why === 'noTelemetry' || why === 'baselineAlsoFailing') && asked < RESUMES_AT_MOST
    ? { afterMs: RESUMES_AFTER_MS, message: { name: 'resume', reason: null, by: 'operator' } }
    : null;

/** A world in which every call is answered at once, and lanes have no flags. */
class DrawnWorld implements World {
  readonly candidate = RELEASES.candidate;
  private readonly conditions: Conditions;
  private readonly shadowPercent: number;
  private readonly random: () => number;
  private readonly lanes: SimulatedLanes;
  private nowMs = 0;
  private view: ControlView = viewOf(0);

  constructor(conditions: Conditions, shadowPercent: number, random: () => number) {
    this.conditions = conditions;
    this.shadowPercent = shadowPercent;
    this.random = random;
    this.lanes = new SimulatedLanes(conditions, RELEASES, random);
  }

  advance(nowMs: number): void {
    this.nowMs = nowMs;
    this.lanes.advance(nowMs);
  }

  snapshot(): SnapshotResult {
    return this.lanes.snapshot();
  }

  control(): ControlView {
    return this.view;
  }

  change({ change: { commands } }: KeyedChange): Answer<ChangeResult> {
    for (const command of commands) {
      if (command.kind === 'promote') this.view = viewOf(100, RELEASES.candidate);
      if (command.kind !== 'setTraffic' || command.percent === undefined) continue;
      this.view = viewOf(command.percent);
      if (command.percent > 0) this.lanes.setPercent(command.percent, this.shadowPercent);
    }
    return { afterMs: 0, result: { kind: 'done', view: this.view } };
  }

  settle(): ChangeResult {
    return { kind: 'done', view: this.view };
  }

  tune(): Answer<NprobeTuningResult> {
    return { afterMs: 0, result: { outcome: 'hold', nprobe: null, reason: 'no index to sweep' } };
  }

  evaluate(): Answer<EvaluationResult> {
    const drop = this.conditions.rAt5Drop(this.nowMs, this.view.state.percent);
    const lost = binomial(QUERIES, Math.min(1, NOISE + Math.max(0, drop)), this.random);
    const gained = binomial(QUERIES, Math.min(1, NOISE + Math.max(0, -drop)), this.random);
    const expected = { rAt5: 0.63, mrr: 0.47, containAt50: 0.96 };
    return {
      afterMs: 0,
      result: {
        kind: 'evaluated',
        release: RELEASES.candidate,
        atMs: this.nowMs,
        queries: QUERIES,
        ...expected,
        rAt5: expected.rAt5 - (lost - gained) / QUERIES,
        expected,
        lostAt5: lost,
        gainedAt5: gained,
        file: '',
      },
    };
  }

  preflight(): PreflightReport {
    const { expectedShare } = this.conditions;
    const quality = (release: string) => ({
      release,
      tau: 0.49,
      expectedShare,
      rAt5: 0.63,
      queries: QUERIES,
    });
    return {
      checks: [],
      stable: RELEASES.stable,
      candidateQuality: quality(RELEASES.candidate),
      stableQuality: quality(RELEASES.stable),
    };
  }
}

function viewOf(percent: number, stable = RELEASES.stable): ControlView {
  const state = { ...firstState({ release: stable, flags: null }, 0), epoch: 1, percent };
  const lanes = { stable: null, candidate: null, previous: null, spare: null };
  return { state, lanes, nowMs: 0, killSwitch: false };
}
