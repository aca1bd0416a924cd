import { describe, expect, it } from 'vitest';
import { evaluateGate } from '../../../domain/gate/evaluate-gate.ts';
import { alikeCount, alikeLatencies } from '../../../domain/metrics/like-with-like.ts';
import { EMPTY, observed, quantileMs, total } from '../../../domain/metrics/histogram.ts';
import { aPlan } from '../../support/a-plan.ts';
import type { Metric } from '../../../domain/metrics/registry.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { windowBetween } from '../../../domain/metrics/window.ts';
import type { KindDid, LaneDelta } from '../../support/lane-traffic.ts';
import { counters, snapshot, windowOf } from '../../support/lane-traffic.ts';

const runbook: Plan = aPlan();

/** Rows of one metric of the shipped plan's stage at 50 %, on what both lanes did in a window. */
function judged(metric: Metric, stable: LaneDelta, candidate: LaneDelta, percent = 50) {
  const result = windowBetween(...windowOf(stable, candidate, percent));
  if (result.kind !== 'window') throw new Error(result.reason);
  const { window } = result;
  const stage = runbook.stages.find((of) => of.percent === percent);
  const rows = (stage?.rows ?? []).filter((row) => row.metric === metric);
  const quality = (release: string) => ({ release, tau: 0.5, expectedShare: 0.95, rAt5: 0.6, queries: 800 });
  const evidence = {
    window,
    reference: null,
    candidateQuality: quality('v0'),
    stableQuality: quality('v-1'),
    evaluation: null,
    looks: 9,
  };
  return evaluateGate(runbook, rows, evidence, 0);
}

const text = (more: Partial<KindDid> = {}): KindDid => ({
  requests: 500,
  latencies: [[1, 1]],
  encode: [
    [0.96, 6],
    [0.04, 9],
  ],
  whole: [
    [0.96, 8],
    [0.04, 11],
  ],
  ...more,
});
const vector = (more: Partial<KindDid> = {}): KindDid => ({ requests: 500, latencies: [[1, 1]], ...more });
const SLOW = { encode: [[1, 30]], whole: [[1, 40]] } as const;

describe('a gate', () => {
  const all: LaneDelta = { kinds: { text: text(), vector: vector() } };

  it('passes for a candidate that answers every kind as stable does', () => {
    for (const metric of ['errorRate', 'retrievalP95', 'endToEndP95', 'requestP95', 'encodeP95'] as const)
      expect(judged(metric, all, all)).toMatchObject({ verdict: 'pass' });
  });

  it.each(['text', 'vector'])('takes a candidate back that fails all %s queries', (kind) => {
    const of = kind === 'text' ? text : vector;
    const candidate = { kinds: { ...all.kinds, [kind]: of({ errors: 500 }) } };
    expect(judged('errorRate', all, candidate)).toMatchObject({ verdict: 'fail', onFail: 'rollback' });
  });

  it('takes a candidate back that delays texts five times, though stable encodes them as long as ever', () => {
    const slow = { kinds: { ...all.kinds, text: text(SLOW) } };
    const result = judged('encodeP95', all, slow);
    expect(result).toMatchObject({ verdict: 'fail', onFail: 'rollback' });
    expect(result.reason).toContain('encodeP95 of text queries: P95 ');
    expect(judged('requestP95', all, slow).reason).toContain('requestP95 of text queries: P95 ');
  });

  it('holds one whose encoder is a fifth slower', () => {
    const slower = text({ encode: [[1, 10.8]] });
    const result = judged('encodeP95', all, { kinds: { ...all.kinds, text: slower } });
    expect(result).toMatchObject({ verdict: 'warn', remediation: [] });
  });

  it('does not mind half a millisecond, which no user notices', () => {
    const candidate = { kinds: { ...all.kinds, vector: vector({ whole: [[1, 1.4]] }) } };
    expect(judged('requestP95', all, candidate).verdict).toBe('pass');
  });

  it.each<[string, LaneDelta, LaneDelta, string, RegExp]>([
    ['no texts come to a service', {}, {}, 'pass', /text queries: none in this window/],
    [
      'hardly any text comes',
      { kinds: { text: text({ requests: 10 }) } },
      { kinds: { text: text({ requests: 4 }) } },
      'pass',
      /14 of 2014 queries, which are hardly any/,
    ],
    [
      'too few texts came for a verdict',
      { kinds: { text: text() } },
      { kinds: { text: text({ requests: 40 }) } },
      'inconclusive',
      /40 samples of at least 300/,
    ],
    [
      'stable answers texts, and the candidate none',
      { kinds: { text: text() } },
      {},
      'inconclusive',
      /the candidate answered none of them/,
    ],
    [
      'the candidate answers texts, and stable none',
      {},
      { kinds: { text: text() } },
      'inconclusive',
      /stable has none to compare with/,
    ],
  ])('says so where %s', (_, stable, candidate, verdict, reason) => {
    const result = judged('requestP95', stable, candidate);
    expect(result.verdict).toBe(verdict);
    expect(result.rows.map((row) => row.reason).join('\n')).toMatch(reason);
  });

  it('does not hold a service that has no queries with a context for what those alone have', () => {
    const texts: LaneDelta = { requests: 0, kinds: { text: text({ requests: 2000 }) } };
    const result = windowBetween(...windowOf(texts, texts));
    if (result.kind !== 'window') throw new Error(result.reason);
    for (const metric of ['rerankP95', 'qualityShortfall', 'shadowQualityDrop', 'rerankerIdle'] as const)
      expect(judged(metric, texts, texts).rows.map((row) => row.measured.kind)).toEqual(
        runbook.stages[2]?.rows.filter((row) => row.metric === metric).map(() => 'notApplicable'),
      );
    expect(judged('errorRate', texts, texts).verdict).toBe('pass');
  });

  it('compares like with like: more texts on the candidate make it no slower, and fewer hide nothing', () => {
    const few = { requests: 1800, kinds: { text: text({ requests: 600 }) } };
    const many = { requests: 600, kinds: { text: text({ requests: 1800, latencies: [[1, 9]] }) } };
    const slow = { ...few, kinds: { text: text({ requests: 600, latencies: [[1, 9]] }) } };
    const relative = (stable: LaneDelta, candidate: LaneDelta) =>
      judged('endToEndP95', stable, candidate).rows.find(({ row }) => row.compareTo === 'stable')?.verdict;
    expect(relative(slow, many)).toBe('pass');
    expect(relative(few, many)).toBe('warn');
  });

  it('compares texts that a cache answered with such, and not with those for which the model ran', () => {
    const cached = { requests: 600, whole: [[1, 2]] } as const;
    const mixed = (plain: number, encoded: number): LaneDelta => ({
      kinds: { text: vector({ ...cached, requests: plain }), 'text ': text({ requests: encoded }) },
    });
    const merge = (did: LaneDelta) => {
      const lane = counters({ ...did, requests: 0 });
      const [plain, ran] = [lane.kinds['text'], lane.kinds['text ']];
      if (plain === undefined || ran === undefined) throw new Error('both are there');
      const { encodedRequest, encode } = ran;
      return {
        ...lane,
        kinds: { text: { ...plain, encodedRequest, encode, requests: plain.requests + ran.requests } },
      };
    };
    const [warm, cold] = [merge(mixed(3000, 400)), merge(mixed(400, 3000))];
    const opening = snapshot(
      0,
      counters({ requests: 0, release: 'a' }),
      counters({ requests: 0, release: 'a' }),
    );
    const closing = snapshot(60_000, { ...warm, release: 'a' }, { ...cold, release: 'a' });
    const result = windowBetween(opening, closing);
    if (result.kind !== 'window') throw new Error(result.reason);
    const row = runbook.stages[2]?.rows.find(({ metric }) => metric === 'requestP95');
    const evidence = {
      reference: null,
      candidateQuality: null,
      stableQuality: null,
      evaluation: null,
      looks: 9,
    };
    const verdict = evaluateGate(
      runbook,
      row === undefined ? [] : [row],
      { window: result.window, ...evidence },
      0,
    );
    expect(verdict.rows.find(({ kind }) => kind === 'text')?.verdict).toBe('pass');
  });
});

describe('stable in the proportions of the candidate', () => {
  it('is as it is where both lanes have the same mix', () => {
    const stable = { text: { hits: 5, n: 100 }, vector: { hits: 2, n: 300 } };
    const alike = alikeCount({ text: { hits: 0, n: 10 }, vector: { hits: 0, n: 30 } }, stable);
    expect(alike?.hits).toBeCloseTo(7, 9);
    expect(alike?.n).toBeCloseTo(400, 9);
  });

  it('has the share that its kinds would have in the mix of the candidate, known by fewer', () => {
    const stable = { text: { hits: 50, n: 100 }, vector: { hits: 0, n: 900 } };
    const alike = alikeCount({ text: { hits: 0, n: 90 }, vector: { hits: 0, n: 10 } }, stable);
    expect((alike?.hits ?? 0) / (alike?.n ?? 1)).toBeCloseTo(0.45, 9);
    expect(alike?.n).toBeLessThan(200);
  });

  it('counts a kind that stable does not have as stable does in all, and leaves its latencies out', () => {
    const alike = alikeCount(
      { text: { hits: 9, n: 9 } },
      { vector: { hits: 1, n: 10 }, other: { hits: 1, n: 10 } },
    );
    expect((alike?.hits ?? 0) / (alike?.n ?? 1)).toBeCloseTo(0.1, 9);
    const of = (ms: number, n: number) => observed(EMPTY, ms, n);
    const both = alikeLatencies({ text: of(40, 9), vector: of(1, 5) }, { vector: of(2, 7) });
    expect([total(both.candidate), total(both.stable)]).toEqual([5, 7]);
    expect(quantileMs(both.stable, 0.95)).toBeLessThan(2.1);
  });
});
