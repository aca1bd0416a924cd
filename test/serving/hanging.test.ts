import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ControlView } from '../../domain/control/state.ts';
import { LANE_HEADERS } from '../../domain/control/http.ts';
import { GATEWAY_METRICS as METRICS } from '../../domain/metrics/snapshot.ts';
import type { Answer, TestGateway } from '../support/gateway-process.ts';
import { createTestGateway, metric, oldAndNew, ready } from '../support/gateway-process.ts';

const DEADLINE_MS = 300;
let releases = '';
let query = {};
let gateway: TestGateway;

beforeAll(async () => {
  ({ releases, query } = await oldAndNew());
  gateway = await createTestGateway(releases);
  await gateway.start({ LANE_DEADLINE_MS: String(DEADLINE_MS) });
  await gateway.control('PUT', '/control', { by: 'test', lanes: { candidate: 'v0' } });
  await gateway.until(ready('candidate'));
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

function share(percent: number): Promise<Answer> {
  return gateway.control('PUT', '/control', { by: 'test', percent });
}

/** Stops a lane's process as a deadlock would: its connections stay open, and nothing answers. */
function hang({ lanes }: ControlView, lane: 'stable' | 'candidate'): { goOn(): void } {
  const pid = lanes[lane]?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  return { goOn: () => process.kill(pid, 'SIGCONT') };
}

it('a candidate that hangs: users are answered by stable, it is blamed, its breaker opens and closes again', async () => {
  const hanging = hang((await share(100)).body, 'candidate');
  try {
    const answers: Answer[] = [];
    const breakerOpen = ({ lanes }: ControlView) => lanes.candidate?.breaker === 'open';
    do answers.push(await gateway.search(query));
    while (answers.length < 20 && !breakerOpen((await gateway.control('GET', '/control')).body));
    // Behind an open breaker nobody waits for the deadline any more, and the candidate is still to blame.
    for (let i = 0; i < 5; i++) answers.push(await gateway.search(query));
    expect(answers.map(({ status, body }) => [status, body.lane])).toEqual(
      answers.map(() => [200, 'stable']),
    );
    const text = await gateway.metrics();
    const candidate = { lane: 'candidate', release: 'v0' };
    expect(metric(text, METRICS.requests, { ...candidate, outcome: 'error' })).toBe(answers.length);
    expect(metric(text, METRICS.served, { lane: 'stable', reason: 'fallback' })).toBe(answers.length);
    expect(metric(text, `${METRICS.request}_count`, { lane: 'stable' })).toBe(0);
    expect(metric(text, METRICS.breakerOpen, { lane: 'candidate' })).toBe(1);
    // A time-out counts at its deadline: what hangs is not left out of the latencies.
    const seconds = metric(text, `${METRICS.retrieval}_sum`, candidate);
    const timeouts = metric(text, `${METRICS.retrieval}_count`, candidate);
    expect(timeouts).toBeGreaterThanOrEqual(5);
    expect(seconds / timeouts).toBeCloseTo(DEADLINE_MS / 1000);
  } finally {
    hanging.goOn();
  }
  await expect
    .poll(async () => (await gateway.search(query)).body.lane, { timeout: 15_000 })
    .toBe('candidate');
  expect((await gateway.until(ready('candidate'))).lanes.candidate?.breaker).toBe('closed');
});

it('a stable lane that hangs for longer than the deadline still answers its users, and counts as timed out', async () => {
  const hanging = hang((await share(0)).body, 'stable');
  const began = performance.now();
  const answer = gateway.search(query, { [LANE_HEADERS.requestKey]: 'patient' });
  await expect
    .poll(() => performance.now() - began, { interval: 20, timeout: 10_000 })
    .toBeGreaterThan(2 * DEADLINE_MS);
  hanging.goOn();
  expect((await answer).status).toBe(200);
  const text = await gateway.metrics();
  expect(metric(text, METRICS.requests, { lane: 'stable', outcome: 'error' })).toBe(1);
  expect(metric(text, METRICS.userErrors)).toBe(0);
});
