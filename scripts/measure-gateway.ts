/**
 * Prints what the gateway adds to a search: the same context queries, one after the other, alternately through the
 * gateway and straight to its stable lane. `measure-gateway.ts [--release v-1] [--requests 2000]`
 */
import { join } from 'node:path';
import { Pool } from 'undici';
import type { ControlView } from '../domain/control/state.ts';
import { probeRequest } from '../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../retrieval/evaluation/set.ts';
import type { MeasuredGateway } from '../devstack/measured-gateway.ts';
import { onMeasuredGateway } from '../devstack/measured-gateway.ts';
import { releasesFolder } from './tool/places.ts';
import { readOptions, settingsOrUsage } from './tool/usage.ts';

const WARM_UP = 300;

const USAGE = 'usage: measure-gateway [--release NAME] [--requests N]';
const values = readOptions(USAGE, {
  options: {
    release: { type: 'string', default: 'v-1' },
    requests: { type: 'string', default: '2000' },
  },
});
const releasesDir = settingsOrUsage(USAGE, releasesFolder);
const requests = Number(values.requests);
const bodies = (await loadProbes(join(releasesDir, values.release))).map((probe) =>
  JSON.stringify(probeRequest(probe)),
);
await onMeasuredGateway({ releasesDir, stable: values.release }, measure);

async function measure({ urls, token }: MeasuredGateway): Promise<void> {
  const answer = await fetch(`${urls.control}/control`, { headers: { authorization: `Bearer ${token}` } });
  const view: ControlView = JSON.parse(await answer.text());
  const pools = {
    'straight to the lane': new Pool(view.lanes.stable?.url ?? '', { connections: 1 }),
    'through the gateway': new Pool(urls.gateway, { connections: 1 }),
  };
  const tookMs: Record<string, number[]> = {};
  for (let i = 0; i < WARM_UP + requests; i++) {
    const body = bodies[i % bodies.length] ?? '';
    for (const [name, pool] of Object.entries(pools)) {
      const ms = await timed(pool, body);
      if (i >= WARM_UP) (tookMs[name] ??= []).push(ms);
    }
  }
  await Promise.all(Object.values(pools).map((pool) => pool.close()));
  const sorted = Object.entries(tookMs).map(([name, ms]) => ({ name, ms: ms.toSorted((a, b) => a - b) }));
  const at = (ms: readonly number[], share: number) => ms[Math.floor(ms.length * share)] ?? Number.NaN;
  for (const { name, ms } of sorted)
    console.log(
      `${name}: median ${at(ms, 0.5).toFixed(3)} ms, P95 ${at(ms, 0.95).toFixed(3)} ms (n ${ms.length})`,
    );
  const [lane, through] = sorted.map(({ ms }) => at(ms, 0.5));
  console.log(
    `the gateway adds ${((through ?? Number.NaN) - (lane ?? Number.NaN)).toFixed(3)} ms at the median`,
  );
}

async function timed(pool: Pool, body: string): Promise<number> {
  const beganMs = performance.now();
  const headers = { 'content-type': 'application/json', 'x-request-key': 'measured' };
  const answer = await pool.request({ method: 'POST', path: '/search', headers, body });
  await answer.body.arrayBuffer();
  if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}`);
  return performance.now() - beganMs;
}
