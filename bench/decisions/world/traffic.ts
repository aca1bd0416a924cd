import type { Flags } from '../../../domain/control/state.ts';
import type { LaneName } from '../../../domain/control/traffic-split.ts';
import { poisson } from '../../../simulation/draws.ts';
import { Counters, bucketOf } from './counters.ts';
import type { Effect, LaneMoment } from './effects.ts';
import { HOUR, MINUTE, affects, apply, calm, strength } from './effects.ts';
import { Users } from './users.ts';
import { dayLoad, normalTable } from './surroundings.ts';
import { flagEffects } from './flags.ts';

/** Stable's usual behaviour: 0.1 % errors, P95 5 ms of retrieval, a miss in twenty. */
const USUAL = { errors: 0.001, retrievalMs: 2.3, rerankMs: 0.7, sigma: 0.45, misses: 0.0367 } as const;
/** A near-duplicate page of results is rare, and then has many of them. */
const DUPLICATE_ANSWERS = 0.08;
const DUPLICATE_SHARE = 0.08;
/** A lane whose process is new or whose share has grown is slower, less and less so. */
const COLD_MS = 12 * MINUTE;
const COLD_TIMES = 0.5;
/** A client whose request failed sends it again with this probability, at most twice. */
const RETRY = 0.5;
const SESSION_MS = 10 * MINUTE;
/** Factors of lognormal latencies, to draw from. */
const SPREAD = normalTable().map((z) => Math.exp(USUAL.sigma * z));
const RERANK_MS = normalTable().map((z) => USUAL.rerankMs * Math.exp(0.3 * z));

type Lanes = Record<LaneName, LaneMoment>;

/** Users' requests, one by one, as the gateway would serve and count them. */
export class Traffic {
  readonly lanes: Record<LaneName, Counters> = { stable: new Counters(), candidate: new Counters() };
  readonly harmed = { failed: 0, slow: 0 };
  readonly keys: Record<LaneName, Set<number>> = { stable: new Set(), candidate: new Set() };
  /** The shadow's comparisons: whose answer had a result above tau, and how many were asked of stable again. */
  readonly pairs = { both: 0, onlyStable: 0, onlyCandidate: 0, neither: 0, again: 0 };
  percent = 0;
  shadowPercent = 0;
  flags: Flags = { impl: 'amn_v0', reranker: 'on', nprobe: 8 };
  private t0Ms: number | null = null;
  private coldSinceMs = { stable: -Infinity, candidate: -Infinity };
  private sessionsUntilMs = 0;
  private storms = 0;
  private known: { nowMs: number; percent: number; effects: readonly Effect[] } = {
    nowMs: -1,
    percent: 0,
    effects: [],
  };
  private readonly rate: number;
  private readonly effects: readonly Effect[];
  private readonly random: () => number;
  private readonly users: Users;
  /** The rollout begins at some time of the day. */
  private readonly startsMs: number;

  constructor(rate: number, seed: number, effects: readonly Effect[], random: () => number) {
    this.rate = rate;
    this.effects = effects;
    this.random = random;
    this.startsMs = random() * 24 * HOUR;
    this.users = new Users(seed, 'v0', random);
  }

  setPercent(percent: number, nowMs: number): void {
    if (percent > 0) this.t0Ms ??= nowMs;
    if (percent > this.percent) this.coldSinceMs.candidate = nowMs;
    this.percent = percent;
    this.known = { nowMs: -1, percent, effects: [] };
    for (const keys of Object.values(this.keys)) keys.clear();
  }

  /** A new process of the gateway counts from 0. */
  restartGateway(): void {
    for (const lane of Object.values(this.lanes)) lane.reset();
    for (const keys of Object.values(this.keys)) keys.clear();
    Object.assign(this.pairs, { both: 0, onlyStable: 0, onlyCandidate: 0, neither: 0, again: 0 });
  }

  /** Since T0, or a moment before it. */
  sinceT0(nowMs: number): number {
    return this.t0Ms === null ? -1 : nowMs - this.t0Ms;
  }

  active(nowMs: number): readonly Effect[] {
    if (nowMs === this.known.nowMs && this.percent === this.known.percent) return this.known.effects;
    const atMs = this.sinceT0(nowMs);
    const effects = this.effects.filter(
      ({ fromMs, toMs, fromPercent = 0 }) => atMs >= fromMs && atMs < toMs && this.percent >= fromPercent,
    );
    this.known = { nowMs, percent: this.percent, effects };
    return effects;
  }

  /** One short step of time, in which nothing changes. */
  step(nowMs: number, stepMs: number): void {
    const active = this.active(nowMs);
    this.renewSessions(nowMs, active);
    const general = this.moment(
      active.filter(({ affected }) => affected === undefined),
      nowMs,
    );
    const special = active.filter(({ affected }) => affected !== undefined);
    for (const lane of ['stable', 'candidate'] as const) this.watch(lane, general[lane].down, nowMs);
    this.lanes.candidate.own.grown = active.reduce(
      (sum, { leakPerHour = 0, fromMs }) => sum + (leakPerHour * (this.sinceT0(nowMs) - fromMs)) / HOUR,
      0,
    );
    const load = active.reduce((times, { load: by = 1, affected }) => times * (affected ? 1 : by), 1);
    const requests = poisson(
      (this.rate * dayLoad(nowMs + this.startsMs) * this.stormLoad(special) * load * stepMs) / 1000,
      this.random,
    );
    const noUsers = active.some((effect) => effect.noUsers === true);
    for (let i = 0; i < requests; i++) this.request(general, special, noUsers, nowMs);
  }

  private request(general: Lanes, special: readonly Effect[], noUsers: boolean, nowMs: number): void {
    const rank = this.users.next();
    const client = this.users.clients[rank];
    if (client === undefined) return;
    const lane: LaneName = !noUsers && client.point < this.percent ? 'candidate' : 'stable';
    const mine = special.length === 0 ? special : special.filter((effect) => affects(effect, rank));
    const moments = mine.length === 0 ? general : this.moment(mine, nowMs, general);
    this.keys[lane].add(rank);
    for (let attempt = 0; attempt < 3; attempt++) {
      const failed = this.serve(lane, moments[lane], client.errors, client.misses, Math.floor(client.point));
      if (!failed || this.random() > RETRY) break;
    }
    if (this.random() * 100 < this.shadowPercent && this.percent > 0) this.compare(moments, client.misses);
  }

  private serve(
    lane: LaneName,
    moment: LaneMoment,
    ownErrors: number,
    hard: number,
    bucket: number,
  ): boolean {
    const counters = this.lanes[lane];
    const { random } = this;
    counters.requests++;
    counters.bucketRequests[bucket]!++;
    const failed = moment.down || random() < moment.errors + ownErrors;
    if (failed) {
      counters.errors++;
      counters.bucketErrors[bucket]!++;
      if (lane === 'candidate') this.harmed.failed++;
      return true;
    }
    const tail = random() < moment.tail ? moment.tailTimes : 1;
    const spread = SPREAD[Math.floor(random() * SPREAD.length)] ?? 1;
    const retrievalMs = USUAL.retrievalMs * moment.slower * tail * spread;
    const reranks = lane === 'stable' || this.flags.reranker === 'on';
    const rerankMs = reranks ? (RERANK_MS[Math.floor(random() * RERANK_MS.length)] ?? 0) : 0;
    counters.retrieval[bucketOf(retrievalMs)]!++;
    if (reranks) counters.rerank[bucketOf(rerankMs)]!++;
    counters.endToEnd[bucketOf(retrievalMs + rerankMs)]!++;
    if (lane === 'candidate' && retrievalMs + rerankMs > 10) this.harmed.slow++;
    counters.answered++;
    if (random() >= moment.misses + hard) counters.hits++;
    this.inspect(counters, moment);
    return false;
  }

  private inspect({ own }: Counters, moment: LaneMoment): void {
    own.answers++;
    if (this.random() < moment.empty) own.empty++;
    if (own.answers % 100 !== 0) return;
    const share =
      (this.random() < DUPLICATE_ANSWERS ? DUPLICATE_SHARE * 2 * this.random() : 0) + moment.duplicates;
    own.inspected++;
    own.shares += share;
    own.squares += share * share;
  }

  /** The same query of both lanes: half of what is missed is the query's own fault. */
  private compare({ stable, candidate }: Lanes, hard: number): void {
    if (stable.down || candidate.down) return;
    const { random, pairs } = this;
    const both = random();
    const [ofStable, ofCandidate] = [(stable.misses + hard) / 2, (candidate.misses + hard) / 2];
    const s = both < ofStable || random() < ofStable;
    const c = both < ofCandidate || random() < ofCandidate;
    pairs[s ? (c ? 'neither' : 'onlyCandidate') : c ? 'onlyStable' : 'both']++;
    if (random() < 0.25) pairs.again++;
  }

  private moment(effects: readonly Effect[], nowMs: number, on: Lanes | null = null): Lanes {
    const atMs = this.sinceT0(nowMs);
    const of = (lane: LaneName) => {
      const moment = on === null ? this.usual(lane, nowMs) : { ...on[lane] };
      for (const effect of effects)
        if (effect.lane === undefined || effect.lane === lane)
          apply(moment, effect, strength(effect, atMs), (atMs - effect.fromMs) / HOUR);
      return moment;
    };
    return { stable: of('stable'), candidate: of('candidate') };
  }

  private usual(lane: LaneName, nowMs: number): LaneMoment {
    const flags = lane === 'candidate' ? flagEffects(this.flags) : { slower: 1, misses: 0 };
    const cold = Math.max(0, 1 - (nowMs - this.coldSinceMs[lane]) / COLD_MS) * COLD_TIMES;
    const busy = 1 + 0.1 * (dayLoad(nowMs + this.startsMs) - 1);
    return {
      ...calm(),
      errors: USUAL.errors,
      misses: USUAL.misses + flags.misses,
      slower: (1 + cold) * busy * flags.slower,
    };
  }

  private watch(lane: LaneName, down: boolean, nowMs: number): void {
    const counters = this.lanes[lane];
    if (down) counters.downSinceMs ??= nowMs;
    else if (counters.downSinceMs !== null) {
      counters.downSinceMs = null;
      counters.restart(nowMs);
      this.coldSinceMs[lane] = nowMs;
    }
  }

  private stormLoad(special: readonly Effect[]): number {
    return special.reduce((times, effect) => {
      const share = this.users.clients.reduce(
        (sum, client, rank) => sum + (effect.load !== undefined && affects(effect, rank) ? client.share : 0),
        0,
      );
      return times * (1 + share * ((effect.load ?? 1) - 1));
    }, 1);
  }

  private renewSessions(nowMs: number, active: readonly Effect[]): void {
    const storms = active.filter(({ affected, load }) => affected !== undefined && load !== undefined);
    if (nowMs < this.sessionsUntilMs && storms.length === this.storms) return;
    this.storms = storms.length;
    this.sessionsUntilMs = nowMs + SESSION_MS;
    this.users.newSessions(
      storms.length === 0
        ? null
        : (rank) => storms.reduce((times, of) => times * (affects(of, rank) ? (of.load ?? 1) : 1), 1),
    );
  }
}
