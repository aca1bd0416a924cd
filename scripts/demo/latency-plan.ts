import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'undici';
import { parse, stringify } from 'yaml';
import type { Flags } from '../../domain/control/state.ts';
import type { SearchResponse } from '../../domain/control/http.ts';
import { loadEvaluationSet } from '../../retrieval/evaluation/set.ts';
import { changed, createGatewayClient } from '../../clients/gateway-client.ts';
import { freePort } from '../../devstack/ports.ts';
import { nodeCommand, startProcess } from '../../devstack/process.ts';
import { ROOT } from '../../platform/node-command.ts';
import { poisson, seededRandom } from '../../devstack/traffic/arrivals.ts';

export interface LatencyPlanOptions {
  readonly release: string;
  readonly releasesDir: string;
  readonly requestsPerSecond: number;
  /** Made for each run: the gateway that is measured, and the plan's folder. */
  readonly dataDir: string;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

/** P95 of retrieval, ms, at the nprobe that the release comes with and at the one that the ladder goes to. */
interface Measured {
  readonly slowMs: number;
  readonly fastMs: number;
}

const NPROBES = { slow: 8, fast: 4 } as const;
/** Each nprobe has each place once, so that what drifts meets both alike. */
const ORDER = ['fast', 'slow', 'slow', 'fast', 'slow', 'fast', 'fast', 'slow'] as const;
const WARM_MS = 2_000;
/**
 * The share of the demo's users, and for how long. The first gate meets nprobe 8 with 5 % of them and the shadow's 10 %, the later ones
 * meet 4 with up to all: requests that wait for each other would make 8 look slower than the first gate finds it.
 */
const TURN = { slow: { share: 0.15, ms: 10_000 }, fast: { share: 0.5, ms: 5_000 } } as const;
/** A gate cannot distinguish a smaller difference from noise. */
const LEAST_RATIO = 1.25;
/** What the runbook gives reranking. */
const RERANK_MS = 2;

export const LATENCY_PLAN = 'demo-bad-latency';

/**
 * Writes `<dataDir>/plans/demo-bad-latency.yaml`: plans/demo.yaml, whose limit for retrieval is the midpoint of what was
 * measured here at nprobe 4 and at 8, each with about the traffic in which a gate meets it. Returns the folder.
 * @throws Error where the two do not differ enough on this machine
 */
export async function writeLatencyPlan(options: LatencyPlanOptions): Promise<string> {
  const folder = join(options.dataDir, 'plans');
  const found = await measure(options);
  const template = parse(readFileSync(join(ROOT, 'plans/demo.yaml'), 'utf8'));
  // Whoever runs with this folder finds the other plans and the alerts' rules as well.
  cpSync(join(ROOT, 'plans'), folder, { recursive: true });
  writeFileSync(join(folder, `${LATENCY_PLAN}.yaml`), stringify(latencyPlan(template, found)));
  return folder;
}

interface PlanFile {
  describes: string;
  stages: { rows: { metric: string; compareTo?: string; warnAbove?: string; remediation?: string[] }[] }[];
}

/** The demo's plan with the midpoint as its limit. */
export function latencyPlan<Plan extends PlanFile>(template: Plan, { slowMs, fastMs }: Measured): Plan {
  if (slowMs < fastMs * LEAST_RATIO)
    throw new Error(
      `nprobe makes too little difference here: P95 ${fastMs.toFixed(2)} ms at ${NPROBES.fast}, ${slowMs.toFixed(2)} ms at ${NPROBES.slow}`,
    );
  const limitMs = Number(((slowMs + fastMs) / 2).toFixed(2));
  const plan = structuredClone(template);
  const limits: Readonly<Record<string, number>> = {
    retrievalP95: limitMs,
    endToEndP95: limitMs + RERANK_MS,
  };
  for (const row of plan.stages.flatMap(({ rows }) => rows)) {
    const limit = limits[row.metric];
    if (limit === undefined || row.compareTo === 'stable') continue;
    Object.assign(row, { warnAbove: `${limit.toFixed(2)}ms`, remediation: ['nprobeDown'] });
  }
  return Object.assign(plan, {
    plan: LATENCY_PLAN,
    describes: `${plan.describes}; P95 limit ${limitMs} ms, between ${fastMs.toFixed(2)} at nprobe ${NPROBES.fast} and ${slowMs.toFixed(2)} at ${NPROBES.slow}, measured here`,
    // Stable's corpus is small, and so much faster: the limit above is what counts.
    p95Excess: `${(limitMs + RERANK_MS).toFixed(2)}ms`,
  });
}

/** P95s of a gateway of its own that serves the release to all of the demo's users. */
async function measure(options: LatencyPlanOptions): Promise<Measured> {
  const { release, releasesDir, dataDir } = options;
  rmSync(dataDir, { recursive: true, force: true });
  const ports = { gateway: await freePort(), control: await freePort() };
  const tokenFile = join(dataDir, 'control-token');
  const process = startProcess({
    name: 'gateway',
    command: nodeCommand('serving/gateway/main'),
    env: {
      GATEWAY_PORT: String(ports.gateway),
      CONTROL_PORT: String(ports.control),
      CONTROL_TOKEN_FILE: tokenFile,
      STATE_DIR: join(dataDir, 'gateway'),
      RELEASES_DIR: releasesDir,
      STABLE_RELEASE: release,
    },
    logFile: join(dataDir, 'gateway.log'),
  });
  try {
    await process.firstLine((line) => (line.startsWith('{"event":"listening"') ? true : null), 90_000);
    const gateway = `http://127.0.0.1:${ports.gateway}`;
    const control = `http://127.0.0.1:${ports.control}`;
    const client = createGatewayClient({ gateway, control, token: { file: tokenFile } });
    const bodies = await bodiesOf(join(releasesDir, release));
    const { flags } = (await client.view()).lanes.stable ?? {};
    if (flags === undefined) throw new Error(`${release} is not served`);
    const p95s: Record<keyof typeof NPROBES, number[]> = { slow: [], fast: [] };
    for (const which of ORDER) {
      options.signal.throwIfAborted();
      const asked: Flags = { ...flags, nprobe: NPROBES[which] };
      changed(
        await client.change({ by: 'demo', commands: [{ kind: 'setFlags', lane: 'stable', flags: asked }] }),
      );
      p95s[which].push(p95(await retrievalMs(gateway, bodies, options, TURN[which])));
    }
    const found = { slowMs: middleOf(p95s.slow), fastMs: middleOf(p95s.fast) };
    options.say(
      `P95 of retrieval here: ${found.fastMs.toFixed(2)} ms at nprobe ${NPROBES.fast}, ${found.slowMs.toFixed(2)} ms at ${NPROBES.slow}`,
    );
    return found;
  } finally {
    await process.stop();
  }
}

/** Predict + search of each request, as the lane says; those of the first seconds are left out. */
async function retrievalMs(
  gateway: string,
  bodies: readonly string[],
  { requestsPerSecond, signal }: LatencyPlanOptions,
  turn: { readonly share: number; readonly ms: number },
): Promise<number[]> {
  const found: number[] = [];
  const random = seededRandom(1);
  const pool = new Pool(gateway, { connections: 64, pipelining: 1 });
  const beganMs = performance.now();
  const ask = async () => {
    const body = bodies[Math.floor(random() * bodies.length)] ?? '';
    const headers = { 'content-type': 'application/json' };
    const answer = await pool.request({ method: 'POST', path: '/search', body, headers });
    const { timings } = (await answer.body.json()) as Partial<SearchResponse>;
    if (timings !== undefined && performance.now() - beganMs > WARM_MS)
      found.push((timings.predictMs ?? 0) + timings.searchMs);
  };
  // A timer of ours: one of AbortSignal.timeout behind AbortSignal.any may be collected before it fires.
  const over = new AbortController();
  const end = () => over.abort();
  const timer = setTimeout(end, WARM_MS + turn.ms);
  signal.addEventListener('abort', end, { once: true });
  const asked: Promise<void>[] = [];
  await poisson(requestsPerSecond * turn.share, random, () => void asked.push(ask()), over.signal);
  clearTimeout(timer);
  signal.removeEventListener('abort', end);
  signal.throwIfAborted();
  await Promise.all(asked);
  await pool.close();
  return found;
}

async function bodiesOf(dir: string): Promise<string[]> {
  return (await loadEvaluationSet(dir)).queries.map(({ context, exclude }) =>
    JSON.stringify({ context: context.map((vector) => Array.from(vector)), exclude, k: 10 }),
  );
}

function p95(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = sorted[Math.max(0, Math.ceil(0.95 * sorted.length) - 1)];
  if (at === undefined) throw new Error('nothing was answered');
  return at;
}

/** The median of several turns: one of them may fall into a busy moment of the machine. */
function middleOf(turns: readonly number[]): number {
  const sorted = turns.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}
