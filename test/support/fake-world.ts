import { activityInfo } from '@temporalio/activity';
import { createPlans } from '../../activities/gateway/plans.ts';
import type { BaselineInput, RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { ControlState, ControlView, Flags, LaneStatus, TakeEpoch } from '../../domain/control/state.ts';
import type { ControlChange, Rollback } from '../../domain/control/change.ts';
import type { DecisionRecord } from '../../domain/rollout/decision-record.ts';
import type { Postmortem } from '../../domain/incident/postmortem.ts';
import type { Command } from '../../domain/control/apply-command.ts';
import { applyCommand, firstState } from '../../domain/control/apply-command.ts';
import type { LaneSelfMetrics } from '../../domain/metrics/lane-self-metrics.ts';
import type { Histogram } from '../../domain/metrics/histogram.ts';
import { EMPTY, observed } from '../../domain/metrics/histogram.ts';
import type {
  KindCounters,
  LaneCounters,
  ShadowCounters,
  SnapshotResult,
} from '../../domain/metrics/snapshot.ts';
import { NO_REQUESTS } from '../../domain/metrics/snapshot.ts';
import { soundLane } from './lane-traffic.ts';
import type { EvaluationResult } from '../../domain/core/evaluation-result.ts';
import type { PreflightCheck, PreflightReport } from '../../domain/preflight/report.ts';
import type { Notification } from '../../domain/notification/notification.ts';

/** How a release behaves under traffic. */
export interface Behaviour {
  /** Share of its requests that fail, 0..1. */
  readonly errorShare: number;
  /** P95 of predict + search, ms; reranking adds a tenth of it. */
  readonly retrievalP95Ms: number;
  /** Share of queries with a result of cosine >= tau. */
  readonly qualityShare: number;
  /** Reranking, ms; a tenth of retrieval's P95 where it is not said. */
  readonly rerankP95Ms?: number;
}

/** Flags that a release is served under where nobody set others. */
const DEFAULTS: Flags = { impl: 'amn_v0', reranker: 'on', nprobe: 8 };

export const GOOD: Behaviour = { errorShare: 0, retrievalP95Ms: 4, qualityShare: 0.9 };
const EXPECTED_R_AT_5 = 0.8;
const EVALUATION_QUERIES = 1_000;
const SURROUNDINGS = { killSwitch: false, warm: ['v-1'] };
const NOT_DONE = { to: '', epoch: -1 };

type Lane = 'stable' | 'candidate';
type Counted = { -readonly [field in keyof LaneCounters]: LaneCounters[field] };

/**
 * The outside of a rollout as plain arithmetic on the test server's clock: lanes that count what their share of the
 * traffic would give, behind the real fence. Tests set its fields to say what happens.
 */
export class FakeWorld {
  qps = 50;
  /** What the candidate does at a percent, a time (ms since 1970), and with these flags. */
  candidate: (percent: number, nowMs: number, flags: Flags) => Behaviour = () => GOOD;
  stable: Behaviour = GOOD;
  readonly redChecks: string[] = [];
  /** Checks that find what is worth knowing, and refuse nothing. */
  readonly notes: string[] = [];
  laneReady = true;
  /** Points of R@5 (share 0..1) that an evaluation finds lost; null: it cannot be made. */
  rAt5Drop: (name: string, flags: Flags) => number | null = () => 0;
  metricsGone = false;
  /** What the candidate's lane says of itself that a sound one would not; null: it does not answer. */
  own: (percent: number) => Partial<LaneSelfMetrics> | null = () => ({});
  processStartMs = 1;
  /** Called before an activity does its work; may wait, or throw in its place. */
  before: (activity: keyof RolloutActivities, input: unknown) => Promise<void> | void = () => {};

  state = firstState({ release: 'v-1', flags: null }, 0);
  readonly changes: ControlChange[] = [];
  readonly rollbacks: Rollback[] = [];
  readonly pages: Notification[] = [];
  readonly baselines: BaselineInput[] = [];
  readonly decisions: DecisionRecord[] = [];
  readonly postmortems: Postmortem[] = [];
  readonly calls: string[] = [];
  private counters: Record<Lane, Counted> = { stable: fresh('v-1'), candidate: fresh('') };
  private shadow = noShadow();
  private countedToMs = 0;

  private readonly plans: Pick<RolloutActivities, 'loadPlan'>;

  constructor({ plansDir = 'plans', searchAttributes = false } = {}) {
    this.plans = createPlans({ plansDir, searchAttributes });
  }

  /** The guard renews no more: the lease runs out. */
  loseLease(): void {
    const { lease } = this.state;
    if (lease !== null) this.state = applyCommand(this.state, { kind: 'tick' }, lease.expiresAtMs).state;
  }

  /** The release before stays warm, however far the server's clock has run on. */
  keepPrevious(): void {
    const { lanes } = this.state;
    if (lanes.previous === null) throw new Error('nothing was promoted');
    const previous = { ...lanes.previous, untilMs: Number.MAX_SAFE_INTEGER };
    this.state = { ...this.state, lanes: { ...lanes, previous } };
  }

  /** One command of the fence, as the gateway would carry it out. */
  command(command: Command, nowMs: number): ReturnType<typeof applyCommand> {
    this.count(nowMs);
    const applied = applyCommand(this.state, command, nowMs);
    if (applied.state.percent !== this.state.percent)
      for (const lane of ['stable', 'candidate'] as const) this.counters[lane].distinctKeys = 0;
    this.state = applied.state;
    if (this.state.promoting !== null)
      this.state = applyCommand(this.state, { kind: 'finishPromotion' }, nowMs).state;
    return applied;
  }

  change(body: ControlChange, nowMs: number): ReturnType<typeof applyCommand> {
    return this.command({ kind: 'change', body, world: SURROUNDINGS }, nowMs);
  }

  activities(): RolloutActivities {
    const plain: RolloutActivities = {
      loadPlan: (input) => this.plans.loadPlan(input),
      preflight: async ({ candidate }) => this.report(candidate),
      control: async () => this.view(now()),
      takeEpoch: async ({ owner, key, expected = heldBy(this.state) }) => {
        const applied = this.command({ kind: 'takeEpoch', body: { owner, key, expected } }, now());
        const { epoch, owner: lostTo } = this.state;
        return { epoch, view: this.view(now()), ...(applied.kind === 'refused' ? { lostTo } : {}) };
      },
      changeTraffic: async (body) => {
        this.changes.push(body);
        const applied = this.change(body, now());
        const view = this.view(now());
        return applied.kind === 'done'
          ? { kind: 'done', view }
          : { kind: 'refused', refusal: applied.refusal, view };
      },
      rollBackTraffic: async (body) => {
        this.rollbacks.push(body);
        this.command({ kind: 'rollback', body, world: SURROUNDINGS }, now());
        const { to, epoch } = this.state.rollbacks.find(({ key }) => key === body.key) ?? NOT_DONE;
        return { to, epoch, view: this.view(now()) };
      },
      awaitLane: async ({ release }) => ({
        ready: this.laneReady,
        reason: this.laneReady ? `${release} is ready` : `${release}: p_ivf.faiss has the wrong checksum`,
      }),
      snapshot: async () => this.snapshot(now()),
      evaluate: async ({ release, name }) => this.evaluation(release, name, now()),
      recordBaseline: async (input) => void this.baselines.push(input),
      writePostmortem: async (incident) => {
        this.postmortems.push(incident);
        return { file: 'incident.md' };
      },
      record: async ({ records }) => void this.decisions.push(...records),
      verifyRollback: async ({ release }) => {
        const back = this.state.lanes.stable.release === release && this.state.percent === 0;
        const matching = back ? 32 : 0;
        return {
          verified: back,
          reason: `${matching} of 32 probes`,
          probes: 32,
          matching,
          version: this.state.lanes.stable.release,
          metrics: null,
        };
      },
      notify: async (page) => {
        this.pages.push(page);
        return { to: 'the log' };
      },
    };
    return noting(plain, async (name, input) => {
      this.calls.push(name);
      await this.before(name, input);
    });
  }

  snapshot(nowMs: number): SnapshotResult {
    if (this.metricsGone) return { kind: 'missing', reason: 'GET /metrics: connection refused' };
    this.count(nowMs);
    const { percent, epoch, lanes } = this.state;
    return {
      kind: 'snapshot',
      snapshot: {
        takenAtMs: nowMs,
        processStartMs: this.processStartMs,
        uptimeMs: nowMs - this.processStartMs,
        percent,
        epoch,
        lanes: {
          stable: structuredClone({
            ...this.counters.stable,
            own: { ...soundLane(this.counters.stable.requests), uptimeSeconds: nowMs / 1000 },
          }),
          candidate:
            lanes.candidate === null
              ? null
              : structuredClone({ ...this.counters.candidate, own: this.ownOf(nowMs) }),
        },
        shadow:
          lanes.candidate === null || this.state.shadowPercent === 0
            ? null
            : { ...this.shadow, release: lanes.candidate.release, against: lanes.stable.release },
        touched:
          lanes.candidate === null
            ? null
            : {
                release: lanes.candidate.release,
                requests: this.counters.candidate.requests,
                failed: this.counters.candidate.errors,
                seen: 0,
              },
      },
    };
  }

  /** A restart of the gateway resets its counters. */
  restartGateway(nowMs: number): void {
    this.count(nowMs);
    this.processStartMs = nowMs;
    this.counters = { stable: fresh(this.state.lanes.stable.release), candidate: fresh('') };
    this.shadow = noShadow();
  }

  private report(candidate: string): PreflightReport {
    const quality = (release: string) => ({
      release,
      tau: 0.65,
      expectedShare: 0.9,
      rAt5: EXPECTED_R_AT_5,
      queries: EVALUATION_QUERIES,
    });
    return {
      checks: [
        ...['checksums', 'norms', ...this.redChecks].map((name): PreflightCheck => {
          const wrong = this.redChecks.includes(name);
          return {
            name,
            verdict: wrong ? 'fail' : 'pass',
            reason: wrong ? `${name} is wrong` : 'as it should be',
          };
        }),
        ...this.notes.map((name): PreflightCheck => ({ name, verdict: 'note', reason: 'is missed' })),
      ],
      stable: this.state.lanes.stable.release,
      candidateQuality: quality(candidate),
      stableQuality: quality(this.state.lanes.stable.release),
    };
  }

  private evaluation(release: string, name: string, nowMs: number): EvaluationResult {
    const drop = this.rAt5Drop(name, this.flags());
    if (drop === null) return { kind: 'missing', reason: 'no labelled queries' };
    const expected = { rAt5: EXPECTED_R_AT_5, mrr: 0.6, containAt50: 0.95 };
    return {
      kind: 'evaluated',
      release,
      atMs: nowMs,
      queries: EVALUATION_QUERIES,
      ...expected,
      rAt5: EXPECTED_R_AT_5 - drop,
      expected,
      lostAt5: Math.max(0, Math.round(EVALUATION_QUERIES * drop)) + 5,
      gainedAt5: Math.max(0, -Math.round(EVALUATION_QUERIES * drop)) + 5,
      file: `artifacts/eval/${name}.json`,
    };
  }

  private view(nowMs: number): ControlView {
    return {
      state: this.state,
      lanes: { stable: null, candidate: this.status(), previous: null, spare: null },
      nowMs,
      killSwitch: false,
    };
  }

  requestsOfCandidate(): number {
    return this.counters.candidate.requests;
  }

  private ownOf(nowMs: number): LaneSelfMetrics | null {
    const odd = this.own(this.state.percent);
    return odd === null
      ? null
      : { ...soundLane(this.counters.candidate.requests), uptimeSeconds: nowMs / 1000, ...odd };
  }

  /** The candidate's effective flags. */
  private flags(): Flags {
    return this.state.lanes.candidate?.flags ?? DEFAULTS;
  }

  private status(): LaneStatus | null {
    const { candidate } = this.state.lanes;
    if (candidate === null) return null;
    const { release } = candidate;
    const alive = { state: 'ready', url: null, pid: null, restarts: 0, notReadySinceMs: null } as const;
    return { release, flags: this.flags(), ...alive, breaker: 'closed', failure: null };
  }

  /** Counts the traffic since the last look, and renews the lease, as gateway and guard do. */
  private count(nowMs: number): void {
    const seconds = Math.max(0, nowMs - this.countedToMs) / 1000;
    this.countedToMs = nowMs;
    const { percent, lease } = this.state;
    if (lease !== null) this.state = { ...this.state, lease: { ...lease, expiresAtMs: nowMs + 120_000 } };
    this.counters.candidate.release = this.state.lanes.candidate?.release ?? '';
    const requests = this.qps * seconds;
    const flags = this.flags();
    add(this.counters.candidate, (requests * percent) / 100, this.candidate(percent, nowMs, flags), flags);
    add(this.counters.stable, (requests * (100 - percent)) / 100, this.stable, DEFAULTS);
    if (percent > 0)
      this.shadow = pairs(
        this.shadow,
        Math.round((requests * this.state.shadowPercent) / 100),
        this.stable.qualityShare - this.candidate(percent, nowMs, flags).qualityShare,
      );
  }
}

/** The server's clock, which the tests make run. */
function now(): number {
  return activityInfo().currentAttemptScheduledTimestampMs;
}

function noting(
  activities: RolloutActivities,
  note: (name: keyof RolloutActivities, input: unknown) => Promise<void>,
): RolloutActivities {
  const entries = Object.entries(activities).map(([name, activity]) => [
    name,
    async (input: never) => {
      await note(name as keyof RolloutActivities, input);
      return (activity as (input: never) => Promise<unknown>)(input);
    },
  ]);
  return Object.fromEntries(entries) as RolloutActivities;
}

function fresh(release: string): Counted {
  return {
    release,
    ...NO_REQUESTS,
    own: null,
    distinctKeys: 0,
    notReadySeconds: 0,
    breakerOpen: false,
  };
}

function add(
  lane: Counted,
  requested: number,
  { errorShare, retrievalP95Ms, qualityShare, rerankP95Ms = retrievalP95Ms * 0.1 }: Behaviour,
  { reranker }: Flags,
): void {
  const requests = Math.round(requested);
  lane.requests += requests;
  lane.errors += Math.round(requests * errorShare);
  lane.retrieval = slower(lane.retrieval, requests, retrievalP95Ms);
  const reranked = reranker === 'on' ? requests : 0;
  lane.rerank = slower(lane.rerank, reranked, rerankP95Ms);
  lane.endToEnd = slower(lane.endToEnd, requests, retrievalP95Ms + (reranker === 'on' ? rerankP95Ms : 0));
  const context: KindCounters = {
    requests: lane.requests,
    errors: lane.errors,
    retrieval: lane.retrieval,
    endToEnd: lane.endToEnd,
    encode: EMPTY,
    request: lane.endToEnd,
    encodedRequest: EMPTY,
  };
  lane.kinds = requests === 0 ? lane.kinds : { context };
  lane.quality = {
    hits: lane.quality.hits + Math.round(requests * qualityShare),
    total: lane.quality.total + requests,
  };
  lane.rank1 = {
    changed: lane.rank1.changed + Math.round(reranked * 0.3),
    total: lane.rank1.total + reranked,
  };
  lane.distinctKeys += requests;
}

function noShadow(): ShadowCounters {
  const none = Array.from({ length: 11 }, () => 0);
  return {
    release: '',
    against: '',
    both: 0,
    onlyStable: 0,
    onlyCandidate: 0,
    neither: 0,
    overlap: none,
    selfOverlap: none,
  };
}

/** So many queries more in the shadow: one in fifty differs each way, and what the candidate lost. */
function pairs(shadow: ShadowCounters, n: number, lostShare: number): ShadowCounters {
  const lost = Math.round(n * (0.02 + Math.max(0, lostShare)));
  const gained = Math.round(n * 0.02);
  return {
    ...shadow,
    both: shadow.both + n - lost - gained,
    onlyStable: shadow.onlyStable + lost,
    onlyCandidate: shadow.onlyCandidate + gained,
    overlap: shadow.overlap.with(9, (shadow.overlap[9] ?? 0) + n),
    selfOverlap: shadow.selfOverlap.with(10, (shadow.selfOverlap[10] ?? 0) + Math.round(n / 4)),
  };
}

/** The histogram with so many observations more: 97 % just within the P95, the rest at its double. */
function slower(before: Histogram, requests: number, p95Ms: number): Histogram {
  const slow = Math.round(requests * 0.03);
  return observed(observed(before, p95Ms * 0.95, requests - slow), p95Ms * 2, slow);
}

function heldBy({ owner, epoch }: ControlState): TakeEpoch['expected'] {
  return { owner, epoch };
}
