import { evaluationReading } from '../../domain/alerts/evaluations.ts';
import type { Baseline } from '../../domain/rollback/baseline-recovery.ts';
import { describeRecovery, evaluateRecovery } from '../../domain/rollback/baseline-recovery.ts';
import { evaluateOnce } from '../../domain/alerts/evaluate-rules.ts';
import type { HistoryEntry } from '../../domain/evaluation/history.ts';
import type { Arms } from '../../domain/experiment/analysis.ts';
import { describeReason } from '../../domain/experiment/describe-reason.ts';
import {
  RANKED,
  addArms,
  effectOf,
  interimAnalysis,
  noArms,
  unitsNeeded,
} from '../../domain/experiment/analysis.ts';
import { metricValue } from '../../domain/core/metric-value.ts';
import { describeCanary, evaluateCanary } from '../../domain/tuning/canary.ts';
import { chooseNprobe } from '../../domain/tuning/choose-nprobe.ts';
import { describeChoice } from '../../domain/tuning/describe-choice.ts';
import type { TuningWindow } from '../../domain/rules/tuning-trigger.ts';
import { describeTuningNeed } from '../../domain/rules/describe-tuning.ts';
import { tuningNeed } from '../../domain/rules/tuning-trigger.ts';
import type { LaneWindow } from '../../domain/metrics/window.ts';
import { windowBetween } from '../../domain/metrics/window.ts';
import { binomial } from '../../simulation/draws.ts';
import { SimulatedLanes } from '../../simulation/lanes.ts';
import type { Behaviour } from '../../simulation/conditions.ts';
import { seededRandom } from '../../devstack/traffic/arrivals.ts';
import type { Moment } from '../support/alert-polls.ts';
import { Polls, evaluated, p95, shippedRules } from '../support/alert-polls.ts';
import { Notes } from './recording.ts';

const DAY = 24 * 3_600_000;
const MINUTE = 60_000;

/** Hours of a monitor: each message, and each minute what fires. */
export function recordAlerts(): string[] {
  const notes = new Notes();
  const phases: readonly (readonly [string, number, Moment])[] = [
    ['calm', 30, {}],
    ['slow', 45, { candidate: p95(30) }],
    ['slower than is wished', 50, { candidate: p95(15), stable: p95(11) }],
    ['failing', 15, { candidate: { errors: 4 } }],
    ['worse results', 40, { candidate: { qualityShare: 0.89 } }],
    [
      'duplicates and uneven lists',
      40,
      { candidate: { own: { duplicateShares: 2 * 0.04, imbalance: 1.92 } } },
    ],
    ['dark', 10, { gone: true, scene: null }],
    ['no candidate', 20, { candidate: null, percent: 0 }],
    ['calm again', 30, {}],
  ];
  const polls = new Polls();
  for (const [phase, minutes, moment] of phases)
    for (let minute = 0; minute < minutes; minute++) {
      const before = polls.events.length;
      polls.pass(1, { evaluations: [evaluated(0.1), evaluated(1.1, { rAt5: 0.7 })], ...moment });
      const firing = Object.values(polls.state.firing).map(({ name, lane, measured: of }) => [
        name,
        lane,
        of,
      ]);
      notes.add({ phase, minute, notified: polls.events.slice(before), firing });
    }
  return notes.lines;
}

/** Eighty nights of evaluations that get worse: each rule, and what one look tells where no monitor runs. */
export function recordDrift(): string[] {
  const notes = new Notes();
  const random = seededRandom(11);
  const history: HistoryEntry[] = [];
  for (let night = 0; night < 80; night++) {
    const atMs = (200 + night) * DAY;
    const share = (middle: number) => Math.max(0, middle - 0.0015 * night + 0.04 * (random() - 0.5));
    const [rAt5, contained] = [share(0.67), share(0.95)];
    share(0.5); // The draws are those of before.
    const date = new Date(atMs).toISOString().slice(0, 10).replaceAll('-', '');
    const entry: HistoryEntry = {
      key: `${date}/nightly/v-1`,
      kind: 'nightly',
      date,
      atMs,
      release: 'v-1',
      queries: 800,
      articles: 100,
      ntotal: 4_000,
      R_at_5: rAt5,
      MRR: 0.5,
      Contain_at_50: contained,
      plain_R_at_5: rAt5 - 0.05 * random(),
      reranked_R_at_5: rAt5,
    };
    history.push(entry);
    const records = history.map((one) =>
      evaluated(0, {
        atMs: one.atMs,
        rAt5: one.R_at_5,
        containAt50: one.Contain_at_50,
        rerankLift: one.reranked_R_at_5 - one.plain_R_at_5,
      }),
    );
    const monitor = shippedRules()
      .rules.filter(({ forMs, lookBackMs }) => forMs === 0 && lookBackMs === 0)
      .map((rule) => [rule.name, evaluationReading(rule, 'v-1', records, 2 * DAY, atMs)]);
    const { events } = evaluateOnce(shippedRules(), 'v-1', records, atMs);
    const once = events.map(({ kind, alert }) => [kind, alert.name, alert.severity, alert.measured]);
    notes.add({ night, monitor, once });
  }
  return notes.lines;
}

/** When nprobe is to be tuned, what a sweep's trials lead to, and how a canary of it ends. */
export function recordTuning(): string[] {
  const notes = new Notes();
  const random = seededRandom(12);
  let windows: TuningWindow[] = [];
  for (let at = 0; at < 200; at++) {
    const toMs = at * 5 * MINUTE;
    const found = 300 - Math.floor((at / 200) * 30 * random());
    windows = [
      ...windows,
      {
        fromMs: toMs - 5 * MINUTE,
        toMs,
        retrievalP95: metricValue(6 + 3 * random() + at / 200, 50 + Math.floor(200 * random())),
        recall: random() < 0.1 ? null : { queries: 30, found, expected: 300 },
      },
    ].slice(-14);
    const need = tuningNeed(windows, toMs);
    notes.add({ at, need: { verdict: need.verdict, reason: describeTuningNeed(need) } });
  }
  for (let sweep = 0; sweep < 60; sweep++) {
    const trials = [2, 4, 8, 12, 16].map((nprobe) => ({
      nprobe,
      deltaPoints: -4 * random() * (4 / nprobe),
      p95Ms: 2 + nprobe * random(),
    }));
    const of = (['balanced', 'latency', 'accuracy'] as const).map((goal) => {
      const choice = chooseNprobe(trials, goal, 8);
      const reason = describeChoice(choice);
      return choice.kind === 'chosen'
        ? { kind: choice.kind, nprobe: choice.nprobe, reason }
        : { kind: choice.kind, reason, pareto: choice.pareto };
    });
    notes.add({ sweep, of });
  }
  for (let seed = 0; seed < 40; seed++) {
    const [before, after] = [
      laneWindow(seed, {}),
      laneWindow(seed + 1_000, WORSE[seed % WORSE.length] ?? {}),
    ];
    const change = { from: seed % 2 === 0 ? 8 : 4, to: 6, targetMs: 8 };
    const result = evaluateCanary(before, after, change);
    notes.add({ canary: seed, ...result, says: describeCanary(result, after) });
  }
  return notes.lines;
}

const GOOD: Behaviour = { errorRate: 0.001, medianMs: 2.4, sigma: 0.45, qualityShare: 0.95 };
const WORSE: readonly Partial<Behaviour>[] = [
  {},
  { errorRate: 0.01 },
  { medianMs: 3.4 },
  { medianMs: 6 },
  { qualityShare: 0.85 },
];

/** Five minutes of a lane. */
function laneWindow(seed: number, other: Partial<Behaviour>): LaneWindow {
  const behaviour = { ...GOOD, ...other };
  const world = {
    at: () => ({ requestsPerSecond: 20, stable: behaviour, candidate: behaviour, metrics: true, split: 1 }),
    rAt5Drop: () => 0,
    expectedShare: GOOD.qualityShare,
  };
  const lanes = new SimulatedLanes(world, { stable: 'v-1', candidate: 'v0' }, seededRandom(seed));
  const opening = lanes.snapshot();
  lanes.advance(5 * MINUTE);
  const result = windowBetween(opening, lanes.snapshot());
  if (result.kind !== 'window' || result.window.stable === null) throw new Error('there is no window');
  return result.window.stable;
}

/** Whether metrics have returned to the baseline after a rollback. */
export function recordRecovery(): string[] {
  const notes = new Notes();
  const baseline: Baseline = {
    release: 'v-1',
    errorRate: 0.001,
    retrievalP95Ms: 5.1,
    endToEndP95Ms: 6,
    rerankP95Ms: null,
    qualityShare: 0.95,
  };
  for (let seed = 0; seed < 60; seed++) {
    const result = evaluateRecovery(baseline, laneWindow(seed, WORSE[seed % WORSE.length] ?? {}));
    notes.add({ seed, ...result, says: describeRecovery(result) });
  }
  return notes.lines;
}

/** Experiments on the reranker, looked at until they end. */
export function recordExperiments(): string[] {
  const notes = new Notes();
  for (const [lift, seed] of [-0.05, 0, 0.01, 0.03, 0.06].map((of, i) => [of, i] as const)) {
    const random = seededRandom(100 + seed);
    const units = unitsNeeded(0.03, 30, 0.2);
    const design = { metric: 'rAt5', detect: 0.03, offPercent: 30, units } as const;
    let arms: Arms = noArms();
    for (let look = 1; look <= 60; look++) {
      const arm = (requests: number, hit: number, before: number) => {
        const hits = binomial(requests, hit, random);
        const ranks = Array.from({ length: RANKED + 1 }, (_, i) =>
          i === 0 ? hits : i === RANKED ? requests - hits : 0,
        );
        return { requests, errors: 0, ranks, keys: before + Math.floor(requests / 3) };
      };
      const more = { on: arm(700, 0.6 + lift, arms.on.keys), off: arm(300, 0.6, arms.off.keys) };
      arms = addArms(arms, more);
      const step = interimAnalysis(design, arms);
      notes.add({
        lift,
        look,
        step: step.kind === 'end' ? { ...step, reason: describeReason(step.reason) } : step,
        effects: (['mrr', 'clickThrough'] as const).map((of) => effectOf(of, arms, units)),
      });
      if (step.kind === 'end') break;
    }
  }
  return notes.lines;
}
