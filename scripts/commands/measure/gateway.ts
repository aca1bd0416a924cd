import { join } from 'node:path';
import { Pool } from 'undici';
import { z } from 'zod';
import type { ControlView } from '../../../domain/control/state.ts';
import { probeRequest } from '../../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../../retrieval/evaluation/set.ts';
import type { MeasuredGateway } from '../../../devstack/measured-gateway.ts';
import { onMeasuredGateway } from '../../../devstack/measured-gateway.ts';
import { command } from '../../cli/command.ts';
import { count } from '../../cli/options.ts';
import { releasesFolder } from '../../cli/paths.ts';

const WARM_UP = 300;
const WAYS = ['straight to the lane', 'through the gateway'] as const;

/** The same context queries, one after the other, alternately through the gateway and straight to its stable lane. */
export const gateway = command({
  example: '--release v-1 --requests 2000',
  options: {
    release: { value: 'NAME', help: 'the release that serves', schema: z.string().default('v-1') },
    requests: { value: 'N', help: 'requests each way', schema: count.prefault('2000') },
  },
  async run({ release, requests }) {
    const releasesDir = releasesFolder();
    const probes = await loadProbes(join(releasesDir, release));
    const bodies = probes.map((probe) => JSON.stringify(probeRequest(probe)));
    const rows = await onMeasuredGateway({ releasesDir, stable: release }, async (measured) =>
      summariesOf(await measure(measured, bodies, requests)),
    );
    const [lane, through] = rows.map(({ medianMs }) => medianMs);
    const addedMs = (through ?? Number.NaN) - (lane ?? Number.NaN);
    return {
      passed: true,
      lines: [
        ...rows.map(
          ({ name, medianMs, p95Ms, n }) =>
            `${name}: median ${medianMs.toFixed(3)} ms, P95 ${p95Ms.toFixed(3)} ms (n ${n})`,
        ),
        `the gateway adds ${addedMs.toFixed(3)} ms at the median`,
      ],
      result: { rows, addedMs },
    };
  },
});

type Times = Readonly<Record<(typeof WAYS)[number], readonly number[]>>;

async function measure(
  { urls, token }: MeasuredGateway,
  bodies: readonly string[],
  requests: number,
): Promise<Times> {
  const answer = await fetch(`${urls.control}/control`, { headers: { authorization: `Bearer ${token}` } });
  const view: ControlView = JSON.parse(await answer.text());
  const pools = {
    'straight to the lane': new Pool(view.lanes.stable?.url ?? '', { connections: 1 }),
    'through the gateway': new Pool(urls.gateway, { connections: 1 }),
  };
  const tookMs: Record<(typeof WAYS)[number], number[]> = {
    'straight to the lane': [],
    'through the gateway': [],
  };
  for (let i = 0; i < WARM_UP + requests; i++) {
    const body = bodies[i % bodies.length] ?? '';
    for (const way of WAYS) {
      const ms = await timed(pools[way], body);
      if (i >= WARM_UP) tookMs[way].push(ms);
    }
  }
  await Promise.all(Object.values(pools).map((pool) => pool.close()));
  return tookMs;
}

function summariesOf(tookMs: Times) {
  return WAYS.map((name) => {
    const sorted = tookMs[name].toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
    return { name, medianMs: at(0.5), p95Ms: at(0.95), n: sorted.length };
  });
}

async function timed(pool: Pool, body: string): Promise<number> {
  const beganMs = performance.now();
  const headers = { 'content-type': 'application/json', 'x-request-key': 'measured' };
  const answer = await pool.request({ method: 'POST', path: '/search', headers, body });
  await answer.body.arrayBuffer();
  if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}`);
  return performance.now() - beganMs;
}
