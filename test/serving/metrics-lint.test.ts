import { rm } from 'node:fs/promises';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway, oldAndNew, ready } from '../support/gateway-process.ts';
import { lintMetrics, promtool } from '../support/metrics-lint.ts';

let releases = '';
let query: object = {};
let gateway: TestGateway;
beforeAll(async () => {
  ({ releases, query } = await oldAndNew());
  gateway = await createTestGateway(releases);
  await gateway.start({ SHADOW_PERCENT: '100' });
  await gateway.share(50);
  for (let i = 0; i < 20; i++) await gateway.search(query, { 'x-request-key': `user ${i}` });
  await gateway.search({ text: 'columns of basalt' });
  await gateway.ingest({ article: 'Basalt', seq: 1, text: 'Columns of basalt cool slowly.' });
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

async function texts(): Promise<Record<string, string>> {
  const { lanes } = await gateway.until(ready('candidate', 'v0'));
  const lane = await request(`${lanes.candidate?.url}/metrics`);
  return { gateway: await gateway.metrics(), lane: await lane.body.text() };
}

describe('/metrics of gateway and lane', () => {
  it("keep Prometheus' conventions", async () => {
    const { gateway: ofGateway = '', lane = '' } = await texts();
    expect(ofGateway).toContain('gateway_requests_total{lane="candidate"');
    expect(lane).toContain('retriever_step_seconds_bucket{');
    expect({ gateway: lintMetrics(ofGateway), lane: lintMetrics(lane) }).toEqual({ gateway: [], lane: [] });
  });

  it.runIf(promtool('') !== null)('pass promtool check metrics', async () => {
    const { gateway: ofGateway = '', lane = '' } = await texts();
    expect([promtool(ofGateway), promtool(lane)]).toEqual(['', '']);
  });
});

it.each([
  [
    '# HELP a_seconds A\n# TYPE a_seconds gauge\na_seconds{quantile="1"} 1\n',
    'a_seconds has the label quantile',
  ],
  ['# HELP a A\n# TYPE a counter\n', 'a is a counter without _total'],
  ['# HELP a_total A\n# TYPE a_total gauge\n', 'a_total is a gauge with _total'],
  ['# HELP a_sum A\n# TYPE a_sum gauge\n', 'a_sum is a gauge with the suffix of a part'],
  ['# HELP a_ms A\n# TYPE a_ms gauge\n', 'a_ms is not in a base unit'],
  ['# TYPE a gauge\n', 'a has no HELP'],
  ['a 1\n', 'a has no TYPE'],
])('the check finds %j', (text, problem) => {
  expect(lintMetrics(text)).toContain(problem);
});
