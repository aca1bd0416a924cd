import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SearchRequest } from '../../domain/control/http.ts';
import { LANE_HEADERS } from '../../domain/control/http.ts';
import { NEWEST_SPLIT, assignLane } from '../../domain/control/traffic-split.ts';
import { GATEWAY_METRICS as METRICS } from '../../domain/metrics/snapshot.ts';
import { loadEvaluationSet } from '../../retrieval/evaluation/set.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { OLD_FLAGS, createTestGateway, metric, ready } from '../support/gateway-process.ts';

let releases = '';
let gateway: TestGateway;
let queries: readonly SearchRequest[] = [];

beforeAll(async () => {
  releases = await releasesFolder(
    await smallRelease('v-1', 'good', OLD_FLAGS),
    await smallRelease('v0'),
    await smallRelease('crash', 'bad-crash'),
  );
  queries = (await loadEvaluationSet(join(releases, 'v0'))).queries.map(({ context, exclude }) => ({
    context: context.map((vector) => Array.from(vector)),
    exclude,
  }));
  gateway = await createTestGateway(releases);
  await gateway.start({ SHADOW_PERCENT: '100' });
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

/** The metrics once so many queries have been through the shadow, dropped ones among them. */
async function shadowed(count: number): Promise<string> {
  const lateMs = Date.now() + 20_000;
  for (;;) {
    const text = await gateway.metrics();
    if (metric(text, METRICS.shadow) >= count) return text;
    if (Date.now() > lateMs) throw new Error(`${metric(text, METRICS.shadow)} of ${count} were shadowed`);
    await pause(10);
  }
}

/** What a lane answers by itself. */
async function asked(lane: 'stable' | 'candidate', query: SearchRequest) {
  const { body, headers } = await gateway.control('POST', `/control/search/${lane}`, query);
  const ids: string[] = body.results.map(({ id }: { id: string }) => id);
  return { ids, hit: headers[LANE_HEADERS.quality] === 'hit' };
}

const userKey = (i: number) => `shadowed user ${i}`;

describe('the shadow', () => {
  it('[A10] compares each query of either lane as the lanes answer it, and counts no user for it', async () => {
    await gateway.share(30);
    const before = await gateway.metrics();
    for (const [i, query] of queries.entries()) {
      await gateway.search(query, { [LANE_HEADERS.requestKey]: userKey(i) });
      await shadowed(i + 1);
    }
    const after = await gateway.metrics();
    const grew = (name: string, labels: Record<string, string>) =>
      metric(after, name, labels) - metric(before, name, labels);

    const expected = { both: 0, stable: 0, candidate: 0, none: 0, overlap: 0 };
    for (const query of queries) {
      const [stable, candidate] = [await asked('stable', query), await asked('candidate', query)];
      const hits = stable.hit ? (candidate.hit ? 'both' : 'stable') : candidate.hit ? 'candidate' : 'none';
      expected[hits]++;
      expected.overlap += stable.ids.filter((id) => candidate.ids.includes(id)).length / stable.ids.length;
    }
    const pair = { release: 'v0', against: 'v-1' };
    expect(grew(METRICS.shadow, { outcome: 'compared' })).toBe(queries.length);
    for (const hits of ['both', 'stable', 'candidate', 'none'] as const)
      expect([hits, grew(METRICS.shadowHits, { ...pair, hits })]).toEqual([hits, expected[hits]]);
    expect(grew(`${METRICS.shadowOverlap}_sum`, { ...pair, with: 'candidate' })).toBeCloseTo(
      expected.overlap,
      6,
    );
    expect(expected.overlap).toBeLessThan(queries.length);
    // The same release on the same rows agrees with itself.
    const again = grew(`${METRICS.shadowOverlap}_count`, { with: 'self' });
    expect(again).toBeGreaterThan(0);
    expect(grew(`${METRICS.shadowOverlap}_sum`, { with: 'self' })).toBeCloseTo(again, 6);

    const keys = queries.map((_, i) => assignLane(NEWEST_SPLIT, 'v0', userKey(i), 30));
    for (const lane of ['stable', 'candidate'] as const) {
      const users = keys.filter((assigned) => assigned === lane).length;
      expect(users).toBeGreaterThan(0);
      expect(grew(METRICS.requests, { lane })).toBe(users);
      expect(grew(METRICS.quality, { lane })).toBe(users);
      expect(grew(`${METRICS.endToEnd}_count`, { lane })).toBe(users);
      expect(metric(after, METRICS.distinctKeys, { lane })).toBe(users);
    }
  });

  it('asks nobody while it is off, for probers, for other kinds, or without users on the candidate', async () => {
    await gateway.share(30);
    const before = metric(await gateway.metrics(), METRICS.shadow);
    const [query = {}] = queries;
    await gateway.probe(query);
    await gateway.search({ text: 'a river in the north' });
    await gateway.byHand({ shadowPercent: 0 });
    await gateway.search(query);
    await gateway.byHand({ shadowPercent: 100, percent: 0 });
    await gateway.search(query);
    await gateway.byHand({ percent: 30 });
    await gateway.search(query);
    expect(metric(await shadowed(before + 1), METRICS.shadow)).toBe(before + 1);
  });

  it('drops what comes while users wait, and answers those', async () => {
    await gateway.share(30);
    const before = metric(await gateway.metrics(), METRICS.shadow);
    const [query = {}] = queries;
    const answers = await Promise.all(Array.from({ length: 150 }, () => gateway.search(query)));
    expect(answers.map(({ status }) => status).filter((status) => status !== 200)).toEqual([]);
    const after = await shadowed(before + 150);
    expect(metric(after, METRICS.shadow)).toBe(before + 150);
    expect(metric(after, METRICS.shadow, { outcome: 'dropped' })).toBeGreaterThan(75);
  });

  it('is no error of a candidate that fails it, and opens no breaker', async () => {
    await gateway.byHand({ percent: 0, lanes: { candidate: 'crash' } });
    await gateway.until(ready('candidate', 'crash'));
    await gateway.byHand({ percent: 1 });
    const failing: SearchRequest[] = [];
    for (const query of queries)
      if ((await gateway.control('POST', '/control/search/candidate', query)).status >= 500)
        failing.push(query);
    const [query] = failing;
    if (query === undefined) throw new Error('the release fails no query');
    // More in a row than open a breaker.
    const before = metric(await gateway.metrics(), METRICS.shadow);
    for (let sent = 1; sent <= 8; sent++) {
      await gateway.search(query, { [LANE_HEADERS.requestKey]: stableKey() });
      await shadowed(before + sent);
    }
    const text = await gateway.metrics();
    expect(metric(text, METRICS.shadow, { release: 'crash', outcome: 'failed' })).toBeGreaterThan(0);
    expect(metric(text, METRICS.shadow, { release: 'crash', outcome: 'compared' })).toBe(0);
    expect(metric(text, METRICS.requests, { release: 'crash' })).toBe(0);
    const { lanes } = await gateway.until(ready('candidate', 'crash'));
    expect(lanes.candidate?.breaker).toBe('closed');
  });
});

/** A user of the stable lane. */
function stableKey(): string {
  for (let i = 0; ; i++)
    if (assignLane(NEWEST_SPLIT, 'crash', `stable ${i}`, 1) === 'stable') return `stable ${i}`;
}
