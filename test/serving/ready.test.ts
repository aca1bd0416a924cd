import { rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANY_PORTS, claimPorts } from '../../devstack/ports.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway, oldAndNew, ready } from '../support/gateway-process.ts';

let releases = '';
let query: object = {};
let gateway: TestGateway;
beforeAll(async () => {
  ({ releases, query } = await oldAndNew());
  gateway = await createTestGateway(releases);
});
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

interface Readiness {
  readonly status: number;
  readonly type: string | undefined;
  readonly detail: string | undefined;
}

/** GET /ready; null where nobody listens. */
async function readyAt(url: string): Promise<Readiness | null> {
  try {
    const { statusCode: status, headers, body } = await request(`${url}/ready`, { reset: true });
    const { detail } = (await body.json()) as { detail?: string };
    return { status, type: String(headers['content-type']), detail };
  } catch {
    return null;
  }
}

async function searchAt(url: string): Promise<number> {
  const answer = await request(`${url}/search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(query),
  });
  await answer.body.dump();
  return answer.statusCode;
}

/**
 * Asks /ready until it was 200 twenty times, and a search after each 200. Returns what /ready said, repeats left out;
 * throws where it was neither 503 nor right.
 */
async function untilReady(url: string): Promise<number[]> {
  const statuses: number[] = [];
  const lateMs = Date.now() + 60_000;
  for (let good = 0; good < 20; await pause(10)) {
    const readiness = await readyAt(url);
    if (readiness !== null && statuses.at(-1) !== readiness.status) statuses.push(readiness.status);
    const search = readiness?.status === 200 ? await searchAt(url) : null;
    if (search === 200) good++;
    else if (
      search !== null ||
      (readiness !== null && readiness.type?.startsWith('application/problem+json') !== true)
    )
      throw new Error(`after ${JSON.stringify(readiness)} a search was answered ${search}`);
    if (Date.now() > lateMs) throw new Error(`not ready: ${JSON.stringify(readiness)}`);
  }
  return statuses;
}

describe('GET /ready', () => {
  it('is 503 from the start of the gateway until a search is answered, and 200 from then on', async () => {
    const ports = await claimPorts(ANY_PORTS);
    const started = gateway.start({ GATEWAY_PORT: String(ports.gateway) });
    const statuses = await untilReady(`http://127.0.0.1:${ports.gateway}`);
    await started;
    expect(statuses.slice(-2)).toEqual([503, 200]);
  });

  it('is 503 as long as the stable lane is gone, by its name', async () => {
    const { lanes } = await gateway.until(ready('stable'));
    process.kill(lanes.stable?.pid ?? 0, 'SIGKILL');
    await expect
      .poll(() => readyAt(gateway.url()))
      .toMatchObject({ status: 503, detail: 'the stable lane (v-1) is not ready' });
    expect(await untilReady(gateway.url())).toEqual([503, 200]);
  });

  it('is 503 while the stable lane hangs', async () => {
    const { lanes } = await gateway.until(ready('stable'));
    const pid = lanes.stable?.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    try {
      expect(await readyAt(gateway.url())).toMatchObject({
        status: 503,
        detail: 'the stable lane (v-1) does not answer',
      });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect((await untilReady(gateway.url())).at(-1)).toBe(200);
  });

  it('does not ask for a candidate that stable answers for, nor for stable where all users are on the candidate', async () => {
    await gateway.share(50);
    const pidOf = async (lane: 'stable' | 'candidate') =>
      (await gateway.until(ready(lane))).lanes[lane]?.pid ?? 0;
    process.kill(await pidOf('candidate'), 'SIGKILL');
    await gateway.until(({ lanes }) => lanes.candidate?.state === 'down');
    expect(await readyAt(gateway.url())).toMatchObject({ status: 200 });
    await gateway.share(100);
    process.kill(await pidOf('stable'), 'SIGKILL');
    await gateway.until(({ lanes }) => lanes.stable?.state === 'down');
    expect(await readyAt(gateway.url())).toMatchObject({ status: 200 });
    expect(await searchAt(gateway.url())).toBe(200);
  });

  it('of a lane is 200 once it serves', async () => {
    const { lanes } = await gateway.until(ready('candidate', 'v0'));
    expect(await readyAt(lanes.candidate?.url ?? '')).toMatchObject({ status: 200 });
  });

  it('is 503 first when the gateway is to end, while searches are still answered', async () => {
    await gateway.kill();
    await gateway.start({ DRAIN_MS: '3000' });
    const url = gateway.url();
    expect(await readyAt(url)).toMatchObject({ status: 200 });
    const ended = gateway.terminate();
    await expect.poll(() => readyAt(url)).toMatchObject({ status: 503, detail: 'the gateway is ending' });
    expect(await searchAt(url)).toBe(200);
    expect(await ended).toBe('exit code 0');
    expect(await readyAt(url)).toBeNull();
  });
});
