import { describe, expect, it } from 'vitest';
import type { EvaluationRecord } from '../../../domain/alerts/evaluations.ts';
import { MINUTE, Polls, ROLLOUT, SCENE, evaluated, p95, shippedRules } from '../../support/alert-polls.ts';
import type { Moment } from '../../support/alert-polls.ts';
import type { LaneDelta } from '../../support/lane-traffic.ts';

const SLOW: Moment = { candidate: p95(30) };
const PROXY_LOST = { qualityShare: 0.89 };
/** Two answers that a poll looked at, with two in fifty each. */
const DUPLICATES = { own: { duplicateShares: 2 * 0.04 } };
const LISTS = { imbalance: 1.92 };
const FAILING: Moment = { candidate: { errors: 4 } };

describe('an alert on counters', () => {
  it.each<[string, Moment, string, number]>([
    ['P95 over 20 ms pages after 10 minutes', SLOW, 'p95-critical', 10],
    ['2 % of errors page after 10 minutes', FAILING, 'errors-critical', 10],
    ['P95 of 15 ms warns after 30 minutes', { candidate: p95(15) }, 'p95-warning', 30],
    ['[W6] P95 of 15 ms is drift after an hour', { candidate: p95(15) }, 'p95-drift', 60],
    ['reranking of 3 ms warns after 30 minutes', { candidate: { rerankMs: 3 } }, 'rerank-warning', 30],
    ['6 points of the proxy lost warn after 30 minutes', { candidate: PROXY_LOST }, 'quality-warning', 30],
    ['4 % near-duplicates warn after 30 minutes', { candidate: DUPLICATES }, 'duplicates-warning', 30],
    ['lists of 1.6 times the imbalance are reported', { candidate: { own: LISTS } }, 'list-drift', 30],
    ['11 % more rows are reported', { candidate: { own: { rows: 11_100 } } }, 'corpus-growth', 30],
    ['[L2] P95 of 7 ms is reported as beyond the goal of 5 ms', { candidate: p95(7) }, 'latency-goal', 60],
  ])('%s, and not before', (_what, moment, rule, minutes) => {
    const polls = new Polls().pass(minutes - 1, moment);
    expect(polls.of(rule)).toEqual([]);
    polls.pass(2, moment);
    expect(polls.of(rule)).toHaveLength(1);
    expect(polls.events.find(({ alert }) => alert.name === rule)).toMatchObject({
      kind: 'fired',
      key: `${rule}/candidate`,
      alert: { release: 'retriever_v0', run: { runId: 'run-1' } },
    });
  });

  it.each<[string, LaneDelta, string]>([
    ['retrieval that is slow', p95(9), 'nprobe-need'],
    ['reranking that is slow', { rerankMs: 3 }, 'rerank-warning'],
    ['a proxy that fell', PROXY_LOST, 'quality-warning'],
    ['a top 50 that repeats itself', DUPLICATES, 'duplicates-warning'],
    ['lists out of balance', { own: LISTS }, 'list-drift'],
    ['a lane that grew', { own: { memoryBytes: 400e6 } }, 'memory-info'],
    ['a corpus that grew', { own: { rows: 11_100 } }, 'corpus-growth'],
  ])('[D3] at 100 %% %s is reported, though no gate reads it then', (_what, candidate, rule) => {
    const polls = new Polls().pass(40, { percent: 100, candidate });
    expect(polls.of(rule)).toEqual([expect.stringContaining(`fired ${rule}/candidate`)]);
  });

  it('does not judge the proxy where the promise of the release is not known', () => {
    const scene = { ...SCENE, expectedShare: { stable: null, candidate: null } };
    expect(new Polls().pass(60, { candidate: PROXY_LOST, scene }).of('quality-warning')).toEqual([]);
    const other = { ...SCENE, candidate: 'v2' };
    expect(new Polls().pass(60, { candidate: PROXY_LOST, scene: other }).of('quality-warning')).toEqual([]);
  });

  it('fires when at least 80 % of its polls breach, and not with fewer', () => {
    const slowIn =
      (share: number) =>
      (poll: number): Moment =>
        poll % 20 < share * 20 ? SLOW : {};
    expect(new Polls().pass(30, slowIn(0.65)).of('p95-critical')).toEqual([]);
    expect(new Polls().pass(30, slowIn(0.95)).of('p95-critical')).not.toEqual([]);
  });

  it('does not fire on too few samples, however bad they are', () => {
    const thin: Moment = { candidate: { requests: 10, errors: 10 } };
    expect(new Polls().pass(60, thin).of('errors-critical')).toEqual([]);
  });

  it('does not fire where over two minutes of the watch are missing', () => {
    const polls = new Polls().pass(5, SLOW).pass(2.5, { gone: true }).pass(7, SLOW);
    expect(polls.of('p95-critical')).toEqual([]);
    expect(polls.pass(4, SLOW).of('p95-critical')).toHaveLength(1);
  });

  it('[T2] counts a lane that answers nobody as failing', () => {
    const down: Moment = { candidate: { requests: 200, breakerOpen: true } };
    expect(new Polls().pass(11, down).of('errors-critical')).toHaveLength(1);
  });

  it('does not take the counters of a new gateway for a window', () => {
    const restarts = (poll: number): Moment => ({ processStartMs: 1 + Math.floor(poll / 40) });
    expect(new Polls().pass(60, restarts).notified).toEqual([]);
  });

  it('judges stable below 100 %, and the candidate only where it has users', () => {
    const both: Moment = { stable: p95(30), candidate: p95(30) };
    const notified = (percent: number) => new Polls().pass(11, { ...both, percent }).of('p95-critical');
    expect(notified(25).map((line) => line.split(' ')[2])).toEqual([
      'p95-critical/stable',
      'p95-critical/candidate',
    ]);
    expect(notified(0)).toEqual([expect.stringContaining('p95-critical/stable')]);
    expect(notified(100)).toEqual([expect.stringContaining('p95-critical/candidate')]);
  });
});

describe('one page for one trouble', () => {
  it('while it lasts there is one, then a reminder every four hours', () => {
    const polls = new Polls().pass(9 * 60, SLOW);
    expect(polls.of('p95-critical').map((line) => line.split(' ')[1])).toEqual([
      'fired',
      'reminder',
      'reminder',
    ]);
  });

  it('[T7] information is sent once', () => {
    expect(new Polls().pass(9 * 60, { candidate: p95(7) }).of('latency-goal')).toHaveLength(1);
  });

  it('is resolved after five minutes without a breach, and fires again after another ten with', () => {
    const polls = new Polls().pass(12, SLOW).pass(4, {});
    expect(polls.of('p95-critical')).toHaveLength(1);
    polls.pass(4, {});
    expect(polls.of('p95-critical').at(-1)).toContain('resolved');
    polls.pass(12, SLOW);
    expect(polls.of('p95-critical').map((line) => line.split(' ')[1])).toEqual([
      'fired',
      'resolved',
      'fired',
    ]);
  });

  it('[T4] the more severe alert of the same metric and lane speaks for both, until it is over', () => {
    const polls = new Polls().pass(120, SLOW);
    expect(polls.of('p95-warning')).toEqual([]);
    expect(polls.of('p95-drift')).toEqual([]);
    polls.pass(10, { candidate: p95(15) });
    expect(polls.of('p95-critical').at(-1)).toContain('resolved');
    expect(polls.of('p95-warning')).toEqual([expect.stringContaining('fired')]);
  });

  it('of a more severe rule is not sent as well when both end', () => {
    const polls = new Polls().pass(31, SLOW).pass(20, {});
    expect(polls.of('p95-critical').map((line) => line.split(' ')[1])).toEqual(['fired', 'resolved']);
    expect(polls.of('p95-warning')).toEqual([]);
  });
});

describe('missing data', () => {
  it('is an alert of its own after three minutes, and resolves no other', () => {
    const polls = new Polls().pass(12, SLOW).pass(60, { gone: true, scene: null });
    expect(polls.of('blind')).toEqual(['15 fired blind']);
    expect(polls.of('p95-critical')).toHaveLength(1);
    expect(Object.keys(polls.state.firing)).toContain('p95-critical/candidate');
  });

  it('is also a body that stands still', () => {
    const polls = new Polls().pass(12, SLOW).pass(60, { ...SLOW, standsStill: true });
    expect(polls.of('blind')).toEqual(['15 fired blind']);
    expect(polls.state.firing['blind']?.measured).toMatchObject({
      kind: 'missing',
      reason: expect.stringContaining('the metrics stand still'),
    });
    polls.pass(1, {});
    expect(polls.of('blind').at(-1)).toContain('resolved');
  });

  it('is over with the first metrics', () => {
    const polls = new Polls().pass(10, { gone: true }).pass(1, {});
    expect(polls.of('blind').map((line) => line.split(' ')[1])).toEqual(['fired', 'resolved']);
  });

  const SILENT: Moment = { candidate: { own: null } };
  it.each<[string, Moment, number, string, readonly string[]]>([
    [
      'of a silent lane',
      SILENT,
      10,
      'critical',
      ['norm-mismatch', 'list-imbalance', 'does not say what it counts'],
    ],
    [
      'of the steps of answers',
      { candidate: { latencies: [] } },
      10,
      'critical',
      ['p95-critical', 'no sample of about'],
    ],
    [
      'of reranking that is on',
      { candidate: { rerankMs: null } },
      30,
      'warning',
      ['rerank-warning', 'acceptance-info'],
    ],
    [
      'of answers that were looked at',
      { candidate: { own: { inspected: 0 } } },
      32,
      'warning',
      ['duplicates-warning'],
    ],
    [
      'of live recall',
      { candidate: { own: { recallQueries: 0, recallFound: 0 } } },
      90,
      'warning',
      ['nprobe-need'],
    ],
    [
      'of what a release promises',
      { scene: { ...SCENE, expectedShare: { stable: 0.95, candidate: null } } },
      30,
      'warning',
      ['quality-warning: what the release promises'],
    ],
  ])(
    '%s is an alert of its own after the window of the rule, and not before',
    (_what, moment, minutes, severity, says) => {
      const polls = new Polls().pass(minutes - 1, moment);
      expect(polls.of('not-seen')).toEqual([]);
      polls.pass(2, moment);
      expect(polls.of('not-seen')).toEqual([expect.stringContaining('fired not-seen/candidate')]);
      const alert = polls.state.firing['not-seen/candidate'];
      expect(alert).toMatchObject({ severity, lane: 'candidate', release: 'retriever_v0', run: ROLLOUT });
      for (const part of says) expect(JSON.stringify(alert?.measured)).toContain(part);
      polls.pass(6, {});
      expect(polls.of('not-seen').at(-1)).toContain('resolved');
    },
  );

  it('is said once for all rules of a lane, and again when one is critical that was not', () => {
    const polls = new Polls().pass(31, { candidate: { own: { inspected: 0 } } });
    polls.pass(11, SILENT);
    expect(polls.events.map(({ alert }) => alert.severity)).toEqual(['warning', 'critical']);
    expect(polls.pass(60, SILENT).events).toHaveLength(2);
  });

  it.each<[string, Moment]>([
    ['no requests at night', { candidate: { requests: 0, latencies: [] } }],
    ['a request now and then', { candidate: { requests: 1 } }],
    [
      'a reranker that is off',
      {
        candidate: { rerankMs: null },
        scene: {
          ...SCENE,
          flags: { ...SCENE.flags, candidate: { impl: 'amn_v0', reranker: 'off', nprobe: 8 } },
        },
      },
    ],
    ['queries as vectors, which are not encoded', { candidate: { own: { norms: 0 } } }],
    [
      'a flat index',
      { candidate: { own: { imbalance: null, imbalanceBuilt: null, largestList: null, medianList: null } } },
    ],
  ])('is none with %s', (_what, moment) => {
    expect(new Polls().pass(3 * 60, moment).of('not-seen')).toEqual([]);
  });

  it('of the control listener is reported after three minutes, and not while the gateway is gone', () => {
    const polls = new Polls().pass(4, { scene: null });
    expect(polls.of('not-seen')).toEqual(['3 fired not-seen']);
    expect(polls.pass(1, {}).of('not-seen').at(-1)).toContain('resolved');
    expect(new Polls().pass(20, { scene: null, gone: true }).of('not-seen')).toEqual([]);
  });

  it('of a gateway that is restarted before each poll is reported', () => {
    const restarts = (poll: number): Moment => ({ processStartMs: 1 + poll });
    const polls = new Polls().pass(11, restarts);
    expect(polls.of('not-seen/stable')).toEqual([expect.stringContaining('fired')]);
    expect(JSON.stringify(polls.state.firing)).toContain('the counters have just begun');
  });

  it('of evaluations is reported when the newest is older than 26 hours', () => {
    const evaluations = [evaluated(0)];
    const polls = new Polls().pass(25 * 60, { evaluations });
    expect(polls.of('no-evaluation')).toEqual([]);
    polls.pass(2 * 60, { evaluations });
    expect(polls.of('no-evaluation')).toHaveLength(1);
    polls.pass(1, { evaluations: [...evaluations, evaluated(-1.1)] });
    expect(polls.of('no-evaluation').at(-1)).toContain('resolved');
  });

  it('of weekly maintenance is reported when the newest is too old, however young the nightly ones are', () => {
    const rules = shippedRules();
    expect(rules.evaluations.weeklyMaxAgeMs).toBe(8 * 24 * 60 * MINUTE);
    const soon = { ...rules, evaluations: { ...rules.evaluations, weeklyMaxAgeMs: 180 * MINUTE } };
    const weekly = (daysAgo: number) => evaluated(daysAgo, { kind: 'weekly', release: 'weekly-20261129' });
    const polls = new Polls(soon).pass(180, { evaluations: [weekly(0), evaluated(0)] });
    expect(polls.of('no-weekly-maintenance')).toEqual([]);
    polls.pass(60, { evaluations: [weekly(0), evaluated(-0.1)] });
    expect(polls.of('no-weekly-maintenance')).toHaveLength(1);
    expect(polls.of('no-evaluation')).toEqual([]);
    polls.pass(1, { evaluations: [weekly(-0.16), evaluated(-0.1)] });
    expect(polls.of('no-weekly-maintenance').at(-1)).toContain('resolved');
  });
});

describe('what an alert was about', () => {
  it('a candidate that was taken back is watched no longer', () => {
    const polls = new Polls().pass(12, SLOW).pass(1, { candidate: null, percent: 0 });
    expect(polls.of('p95-critical').map((line) => line.split(' ')[1])).toEqual(['fired', 'stale']);
    expect(polls.state.firing).toEqual({});
  });

  it('another release under the lane starts over', () => {
    const polls = new Polls().pass(12, SLOW).pass(9, { candidate: { release: 'v2', ...p95(30) } });
    expect(polls.of('p95-critical').map((line) => line.split(' ')[1])).toEqual(['fired', 'stale']);
    polls.pass(3, { candidate: { release: 'v2', ...p95(30) } });
    expect(polls.of('p95-critical').at(-1)).toContain('fired');
  });
});

describe('an alert on what a lane says of itself', () => {
  const own = (memoryBytes: number, memoryBaselineBytes: number | null): Moment => ({
    candidate: { own: { memoryBytes, memoryBaselineBytes } },
  });
  /** So many queries a poll, off by that much each. */
  const norms =
    (each: number, restart = false) =>
    (poll: number): Moment => ({
      candidate: { own: { startSeconds: restart ? poll : 1, norms: 10, normErrors: 10 * each } },
    });
  const lists = (largestList: number | null, medianList: number | null): Moment => ({
    candidate: { own: { largestList, medianList } },
  });

  it.each<[string, Moment | ((poll: number) => Moment), number, readonly string[]]>([
    ['[R4.4] memory 21 % up for half an hour', own(121, 100), 31, ['memory-info']],
    ['memory 19 % up', own(119, 100), 60, []],
    ['memory before its baseline', own(500, null), 60, []],
    ['norms off by 1e-4', norms(1e-4), 16, ['norm-mismatch']],
    ['norms off by rounding', norms(1e-7), 60, []],
    ['norms off, in a lane that is restarted all the time', norms(1e-4, true), 60, ['not-seen']],
    ['a list 11 times the median', lists(110, 10), 11, ['list-imbalance']],
    ['a list 10 times the median', lists(100, 10), 60, []],
    ['half of the lists empty', lists(11, 0), 11, ['list-imbalance']],
    ['no lists', lists(null, null), 60, []],
    ['no answer of the lane', { candidate: { own: null } }, 60, ['not-seen']],
  ])('%s', (_what, moment, minutes, expected) => {
    const polls = new Polls().pass(minutes, moment);
    expect(polls.events.map(({ alert }) => alert.name)).toEqual(expected);
  });
});

describe('the need of tuning', () => {
  /** One query a poll is compared, and finds so many of its ten. */
  const recall = (found: number): Moment => ({
    candidate: { own: { recallQueries: 1, recallFound: found, recallMissed: 10 - found } },
  });

  it('[N2] is reported when live recall lies over 3 points under an exact search for an hour, and not before', () => {
    const polls = new Polls().pass(50, recall(9.5));
    expect(polls.of('nprobe-need')).toEqual([]);
    polls.pass(25, recall(9.5));
    expect(polls.of('nprobe-need')).toHaveLength(1);
    expect(polls.events.at(-1)?.alert.why).toContain('live recall@10 was 5.0 points under FLAT');
  });

  it('is none where it lies 2 points under', () => {
    expect(new Polls().pass(120, recall(9.8)).of('nprobe-need')).toEqual([]);
  });

  it('[N1] is reported when P95 of retrieval is over 8 ms in three windows of five minutes', () => {
    const polls = new Polls().pass(14, { candidate: p95(9) });
    expect(polls.of('nprobe-need')).toEqual([]);
    polls.pass(3, { candidate: p95(9) });
    expect(polls.of('nprobe-need')).toEqual([expect.stringContaining('fired nprobe-need/candidate')]);
  });

  it('starts over with another nprobe', () => {
    const flags = { ...SCENE.flags, candidate: { impl: 'amn_v0', reranker: 'on', nprobe: 4 } as const };
    const slow: Moment = { candidate: p95(9) };
    const polls = new Polls().pass(14, slow).pass(14, { ...slow, scene: { ...SCENE, flags } });
    expect(polls.of('nprobe-need')).toEqual([]);
  });
});

describe('an alert on evaluations', () => {
  const week = [1, 2, 3, 4, 5].map((daysAgo) => evaluated(daysAgo));
  it.each<[string, Partial<EvaluationRecord>, readonly string[]]>([
    ['as promised', {}, []],
    ['[T5] exactly 5 points lost', { rAt5: 0.62, expectedRAt5: 0.67 }, ['recall-drift']],
    ['6 points lost', { rAt5: 0.61 }, ['recall-drift', 'recall-warning']],
    ['11 points lost', { rAt5: 0.56 }, ['recall-critical', 'recall-drift']],
    ['exactly 3 points under the median', { rAt5: 0.64, expectedRAt5: 0.64 }, []],
    ['4 points under the median', { rAt5: 0.63, expectedRAt5: 0.63 }, ['recall-drift']],
    ['Contain@50 of exactly 80 %, as before', { containAt50: 0.8 }, ['containment-dip']],
    ['Contain@50 of 79 %', { containAt50: 0.79 }, ['containment-dip', 'containment-warning']],
    ['Contain@50 5 points down', { containAt50: 0.9 }, []],
    ['[R2] a reranker that lifts by 1 point', { rerankLift: 0.01 }, ['reranker-regression']],
    ['a lift that was not measured', { rerankLift: null }, []],
  ])('%s', (_what, newest, expected) => {
    const polls = new Polls().pass(1, { evaluations: [...week, evaluated(0, newest)] });
    expect(polls.events.map(({ alert }) => alert.name).toSorted()).toEqual(expected);
  });

  it('stands until a newer one says otherwise', () => {
    const bad = [...week, evaluated(0, { containAt50: 0.7 })];
    const polls = new Polls().pass(30 * 60, { evaluations: bad });
    expect(polls.of('containment-warning').map((line) => line.split(' ')[1])).not.toContain('resolved');
    polls.pass(1, { evaluations: [...bad, evaluated(-1.2)] });
    expect(polls.of('containment-warning').at(-1)).toContain('resolved');
  });

  it('that is bad again is sent again, once, and reminds by the clock in between', () => {
    const bad = (daysAgo: number) => evaluated(daysAgo, { containAt50: 0.7 });
    const first = [...week, bad(0)];
    const polls = new Polls().pass(5 * 60, { evaluations: first });
    polls.pass(3 * 60, { evaluations: [...first, bad(-0.25)] });
    expect(polls.of('containment-warning').map((line) => line.split(' ')[1])).toEqual([
      'fired',
      'reminder',
      'repeated',
    ]);
  });

  it('[W4] does not know drift without three evaluations in the week before', () => {
    const few = [evaluated(1), evaluated(2), evaluated(9), evaluated(0, { rAt5: 0.6, expectedRAt5: null })];
    expect(new Polls().pass(1, { evaluations: few }).notified).toEqual([]);
  });

  it('counts for the lane that serves the release, and for none where no lane does', () => {
    const evaluations = [
      evaluated(0),
      evaluated(0, { release: 'retriever_v0', rAt5: 0.5 }),
      evaluated(0, { release: 'old', rAt5: 0.1 }),
    ];
    expect(new Polls().pass(1, { evaluations }).of('recall-critical')).toEqual([
      '0.5 fired recall-critical/candidate',
    ]);
  });
});

describe('the state', () => {
  it('stays small through days of alerts', () => {
    const polls = new Polls().pass(3 * 60, {
      stable: p95(30),
      candidate: p95(30),
      evaluations: [evaluated(0)],
    });
    expect(JSON.stringify(polls.state).length).toBeLessThan(100_000);
  });
});

it('[P4.4, T3, T4, T6, T8, W5, R3.4, R4.3] the rules that ship have the limits of the runbook', () => {
  const limits = shippedRules().rules.map(
    ({ name, severity, metric, limit, forMs }) =>
      `${name}, ${severity}: ${metric} ${limit} for ${forMs / MINUTE} min`,
  );
  expect(limits).toEqual([
    'p95-critical, critical: endToEndP95 20 for 10 min',
    'errors-critical, critical: errorRate 0.01 for 10 min',
    'recall-critical, critical: rAt5Drop 0.1 for 0 min',
    'p95-warning, warning: endToEndP95 10 for 30 min',
    'recall-warning, warning: rAt5Drop 0.05 for 0 min',
    'containment-warning, warning: containAt50 0.8 for 0 min',
    'rerank-warning, warning: rerankP95 2 for 30 min',
    'quality-warning, warning: qualityShortfall 0.05 for 30 min',
    'duplicates-warning, warning: nearDuplicates 0.03 for 30 min',
    'list-drift, info: listImbalance 1.5 for 30 min',
    'corpus-growth, info: corpusGrowth 0.1 for 30 min',
    'acceptance-info, info: rerankerAcceptance 0.1 for 30 min',
    'memory-info, info: memoryGrowth 0.2 for 30 min',
    'nprobe-need, warning: nprobeNeed 0.03 for 0 min',
    'recall-drift, warning: rAt5UnderMedian 0.03 for 0 min',
    'p95-drift, warning: endToEndP95 12 for 60 min',
    'containment-dip, warning: containAt50Dip 0.05 for 0 min',
    'reranker-regression, warning: rerankLift 0.03 for 0 min',
    'norm-mismatch, critical: normError 0.00001 for 10 min',
    'list-imbalance, warning: listSpread 10 for 10 min',
    'latency-goal, info: retrievalP95 5 for 60 min',
  ]);
});
