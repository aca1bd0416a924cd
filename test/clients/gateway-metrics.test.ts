import { createServer } from 'node:http';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { createGatewayMetrics } from '../../clients/gateway-metrics.ts';
import { BOUNDS_MS, EMPTY, LATENCY_BOUNDS_SECONDS, total } from '../../domain/metrics/histogram.ts';
import { LANE_METRICS } from '../../domain/metrics/lane-self-metrics.ts';
import { parseMetricsText } from '../../domain/metrics/prometheus-text.ts';
import { GATEWAY_METRICS } from '../../domain/metrics/snapshot.ts';

/** A registry as the gateway has it, with two judged requests of the candidate and some that must not count. */
function gatewayRegistry(): Registry {
  const registry = new Registry();
  const counter = (name: string, ...labelNames: string[]) =>
    new Counter({ name, help: name, labelNames, registers: [registry] });
  const gauge = (name: string, ...labelNames: string[]) =>
    new Gauge({ name, help: name, labelNames, registers: [registry] });
  const histogram = (name: string) =>
    new Histogram({
      name,
      help: name,
      labelNames: ['lane', 'release', 'kind', 'encoded'],
      buckets: [...LATENCY_BOUNDS_SECONDS],
      registers: [registry],
    });
  const m = GATEWAY_METRICS;
  const series = { lane: 'candidate', release: 'r-2', kind: 'context' };
  const requests = counter(m.requests, 'lane', 'release', 'kind', 'outcome');
  requests.inc({ ...series, outcome: 'ok' }, 2);
  requests.inc({ ...series, outcome: 'error' }, 1);
  requests.inc({ ...series, outcome: 'warming' }, 4);
  requests.inc({ ...series, outcome: 'synthetic' }, 8);
  requests.inc({ ...series, outcome: 'client_error' }, 16);
  requests.inc({ ...series, kind: 'text', outcome: 'ok' }, 32);
  requests.inc({ ...series, release: 'r-1', outcome: 'ok' }, 64);
  counter(m.served, 'lane');
  const seen = counter(m.userErrors, 'lane', 'release', 'kind');
  seen.inc({ ...series, kind: 'text' }, 5);
  seen.inc({ ...series, lane: 'stable' }, 6);
  seen.inc({ kind: 'unknown' }, 7);
  for (const name of [m.endToEnd, m.encode, m.predict, m.search]) histogram(name);
  const request = histogram(m.request);
  for (const encoded of ['no', 'no', 'yes', 'yes', 'yes'])
    request.observe({ ...series, kind: 'text', encoded }, 0.03);
  histogram(m.rerank);
  const retrieval = histogram(m.retrieval);
  retrieval.observe(series, 0.002);
  retrieval.observe(series, 0.002);
  retrieval.observe(series, 9);
  counter(m.quality, 'lane', 'release', 'kind', 'hit').inc({ ...series, hit: 'no' }, 3);
  counter(m.rank1, 'lane', 'release', 'kind', 'changed').inc({ ...series, changed: 'yes' }, 1);
  gauge(m.distinctKeys, 'lane').set({ lane: 'candidate' }, 7);
  gauge(m.laneReady, 'lane', 'release').set({ lane: 'candidate', release: 'r-2' }, 1);
  gauge(m.laneNotReady, 'lane').set({ lane: 'candidate' }, 0);
  gauge(m.breakerOpen, 'lane').set({ lane: 'candidate' }, 1);
  gauge(m.percent).set(25);
  gauge(m.epoch).set(3);
  gauge(m.shadowPercent).set(10);
  counter(m.shadow, 'release', 'outcome');
  const pair = { release: 'r-2', against: 'r-1' };
  const hits = counter(m.shadowHits, 'release', 'against', 'hits');
  for (const [hit, times] of Object.entries({ both: 30, stable: 2, candidate: 1, none: 4 }))
    hits.inc({ ...pair, hits: hit }, times);
  hits.inc({ ...pair, against: 'r-0', hits: 'both' }, 1000);
  const overlap = new Histogram({
    name: m.shadowOverlap,
    help: m.shadowOverlap,
    labelNames: ['release', 'against', 'with'],
    buckets: Array.from({ length: 11 }, (_, i) => i / 10),
    registers: [registry],
  });
  for (const tenths of [0, 7, 7, 10]) overlap.observe({ ...pair, with: 'candidate' }, tenths / 10);
  overlap.observe({ ...pair, with: 'self' }, 1);
  for (const [field, name] of Object.entries(LANE_METRICS)) {
    const own = gauge(name, 'lane', 'release');
    own.set({ lane: 'candidate', release: 'r-1' }, 99);
    if (field !== 'memoryBaselineBytes') own.set({ lane: 'candidate', release: 'r-2' }, 5);
  }
  gauge(m.uptime).set(12.5);
  gauge('process_start_time_seconds').set(1000.5);
  return registry;
}

const whole = () => gatewayRegistry().metrics();

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A real server whose /metrics answers as the test sets it. */
async function serving(status: number, text: string): Promise<string> {
  const server = createServer((_, response) => response.writeHead(status).end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

describe('the gateway as metrics source', () => {
  it('[M4] counts judged requests of every kind of the release that the lane serves, and no others', async () => {
    const url = await serving(200, await gatewayRegistry().metrics());
    const result = await createGatewayMetrics(url, () => 77).snapshot();
    if (result.kind !== 'snapshot') throw new Error(result.reason);
    const { lanes, ...moment } = result.snapshot;
    expect(moment).toEqual({
      takenAtMs: 77,
      processStartMs: 1_000_500,
      uptimeMs: 12_500,
      percent: 25,
      epoch: 3,
      shadow: null,
      // Vectors and texts too, but neither probers nor a lane that still warms up.
      touched: { release: 'r-2', requests: 35, failed: 1, seen: 5 },
    });
    expect(lanes.stable).toBeNull();
    expect(lanes.candidate).toMatchObject({
      release: 'r-2',
      requests: 35,
      errors: 1,
      warming: 4,
      kinds: {
        context: { requests: 3, errors: 1 },
        text: {
          requests: 32,
          errors: 0,
          encode: EMPTY,
          request: { counts: [2] },
          encodedRequest: { counts: [3] },
        },
      },
      quality: { hits: 0, total: 3 },
      rank1: { changed: 1, total: 1 },
      distinctKeys: 7,
      breakerOpen: true,
    });
  });

  it('compares the shadowed queries of the two releases that the lanes serve', async () => {
    const ready = `${GATEWAY_METRICS.laneReady}{lane="stable",release="r-1"} 1\n`;
    const url = await serving(200, (await whole()) + ready);
    const result = await createGatewayMetrics(url, () => 0).snapshot();
    if (result.kind !== 'snapshot') throw new Error(result.reason);
    expect(result.snapshot.shadow).toEqual({
      release: 'r-2',
      against: 'r-1',
      both: 30,
      onlyStable: 2,
      onlyCandidate: 1,
      neither: 4,
      overlap: [1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1],
      selfOverlap: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    });
  });

  it('takes what the lane counts of itself, and knows nothing where the lane said nothing, or half of it', async () => {
    const own = async (text: string) => {
      const result = await createGatewayMetrics(await serving(200, text), () => 0).snapshot();
      return result.kind === 'snapshot' ? result.snapshot.lanes.candidate?.own : result.reason;
    };
    const text = await whole();
    expect(await own(text)).toMatchObject({ startSeconds: 5, rows: 5, memoryBaselineBytes: null });
    const without = (name: string) => text.replaceAll(new RegExp(`^${name}{.*$`, 'gm'), '');
    const silent = text.replaceAll(/^gateway_lane_(?!ready|not_ready).*{.*$/gm, '');
    expect(await own(silent)).toBeNull();
    expect(await own(without(LANE_METRICS.rows))).toContain('gateway_lane_index_rows is not there');
  });

  it('[P4.2, M1] takes histograms apart into counts between bounds, the last one above all bounds', async () => {
    const url = await serving(200, await gatewayRegistry().metrics());
    const result = await createGatewayMetrics(url, () => 0).snapshot();
    if (result.kind !== 'snapshot') throw new Error(result.reason);
    const { retrieval = EMPTY, rerank = EMPTY } = result.snapshot.lanes.candidate ?? {};
    expect(retrieval.counts[BOUNDS_MS.indexOf(2) - retrieval.from]).toBe(2);
    expect(retrieval.from + retrieval.counts.length).toBe(BOUNDS_MS.length + 1);
    expect(retrieval.counts.at(-1)).toBe(1);
    expect(total(retrieval)).toBe(3);
    expect(total(rerank)).toBe(0);
  });

  it.each<[string, () => Promise<[number, string]>, RegExp]>([
    ['an error of the server', async () => [500, ''], /answered 500/],
    ['a page that is no metrics', async () => [200, '<html>'], /not a metric/],
    ['an empty answer', async () => [200, ''], /is not there/],
    [
      'a scrape without the process start',
      async () => [200, (await whole()).replaceAll(/^process_start.*$/gm, '')],
      /process_start_time_seconds is not there/,
    ],
    [
      'a counter that is not a number',
      async () => [200, (await whole()).replace(/outcome="error"} 1/, 'outcome="error"} NaN')],
      /not a finite number/,
    ],
    [
      'a line cut off in the middle',
      async () => [200, (await whole()).slice(0, 700)],
      /not a metric|is not there/,
    ],
  ])('does not know after %s', async (_, answer, reason) => {
    const result = await createGatewayMetrics(await serving(...(await answer())), () => 0).snapshot();
    expect(result).toEqual({ kind: 'missing', reason: expect.stringMatching(reason) });
  });

  it.each(['NaN', 'Nan'])('does not mind a %s in a metric that no gate reads', async (value) => {
    const text = `${await whole()}nodejs_eventloop_lag_mean_seconds ${value}\n`;
    const result = await createGatewayMetrics(await serving(200, text), () => 0).snapshot();
    expect(result.kind).toBe('snapshot');
  });

  it('does not know when nobody answers', async () => {
    const url = await serving(200, '');
    for (const close of closing.splice(0)) close();
    expect(await createGatewayMetrics(url, () => 0).snapshot()).toMatchObject({ kind: 'missing' });
  });

  it('[P4.2] names what gates need and the source lacks', async () => {
    const text = (await whole()).replaceAll(/.*gateway_retrieval_seconds.*\n/g, '');
    expect(await createGatewayMetrics(await serving(200, text), () => 0).lacking()).toEqual([
      GATEWAY_METRICS.retrieval,
    ]);
    expect(await createGatewayMetrics(await serving(200, await whole()), () => 0).lacking()).toEqual([]);
  });
});

describe('the text format', () => {
  it.each([
    ['a name alone', 'up 1', { name: 'up', labels: {}, value: 1 }],
    ['a time stamp', 'up 1 1700000000000', { name: 'up', labels: {}, value: 1 }],
    [
      'escaped label values',
      String.raw`a{b="x\"y\\z\n,}"} 2`,
      { name: 'a', labels: { b: 'x"y\\z\n,}' }, value: 2 },
    ],
    ['infinity', 'a{le="+Inf"} +Inf', { name: 'a', labels: { le: '+Inf' }, value: Infinity }],
  ])('reads %s', (_, line, sample) => {
    expect(parseMetricsText(`# HELP x y\n${line}\n`)).toEqual([sample]);
  });
});
