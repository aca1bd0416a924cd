/**
 * `npm run demo [-- --release NAME] [--plan NAME] [--encoder NAME] [--keep]`: a whole rollout with simulated users, from
 * its start to its end. Exit code 0 only if it ended as the scenario should.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { sayBlastRadius } from '../domain/rollout/impact.ts';
import type { Plan } from '../domain/plan/plan.ts';
import { parsePlan } from '../plan-files/parse-plan.ts';
import type { RolloutStatus } from '../domain/rollout/status.ts';
import { samplePlaces } from './build/places.ts';
import { LATENCY_PLAN, writeLatencyPlan } from './demo/latency-plan.ts';
import { sayKept } from './demo/kept.ts';
import { followRollout } from './demo/rollout.ts';
import type { DemoResult } from './demo/scenario.ts';
import { differences, expectedEnding } from './demo/scenario.ts';
import { createScreen, usersLine } from './rollout/screen.ts';
import type { DemoStack } from './demo/stack-process.ts';
import { startDemoStack } from './demo/stack-process.ts';
import { createGatewayClient } from '../devstack/gateway-client.ts';
import { untilInterrupted } from '../devstack/interrupt.ts';
import { ROOT } from '../devstack/process.ts';
import { readOptions } from './tool/usage.ts';

const REQUESTS_PER_SECOND = 150;
const STABLE = 'v-1';
/** Over half a gigabyte: no part of set-up. */
const LARGE = 'bad-latency';
const DATA_DIR = join(ROOT, '.data/demo');

const USAGE = 'usage: npm run demo [-- --release NAME] [--plan NAME] [--encoder NAME] [--keep]';
const values = readOptions(USAGE, {
  options: {
    release: { type: 'string', default: 'retriever_v0' },
    plan: { type: 'string' },
    keep: { type: 'boolean', default: false },
    encoder: { type: 'string' },
  },
});
if (values.encoder !== undefined) setUpEncoder(values.encoder);
if (values.release === LARGE) setUpLarge();
const interrupted = untilInterrupted();
const abort = new AbortController();
void interrupted.reason.then((reason) => abort.abort(new Error(reason)));

let stack: DemoStack | null = null;
let keep = false;
try {
  checkRelease(values.release);
  const { name: planName, folder: plansDir } = await planOf(values);
  const plan = readPlan(plansDir, planName);
  console.log(
    `Starting Temporal, the gateway with ${STABLE}, the worker, and ${REQUESTS_PER_SECOND} requests/s ...`,
  );
  stack = await startDemoStack({
    dataDir: DATA_DIR,
    requestsPerSecond: REQUESTS_PER_SECOND,
    keep: values.keep,
    plansDir,
    signal: abort.signal,
  });
  const result = await runScenario(stack, plan);
  process.exitCode = summarize(result, stack);
  keep = values.keep;
} catch (error) {
  console.error(
    abort.signal.aborted ? '\ninterrupted: stopping' : error instanceof Error ? error.message : error,
  );
  process.exitCode = abort.signal.aborted ? 130 : 1;
}
if (stack !== null && !keep) await stack.stop();
interrupted.release();
// An interrupted follow leaves calls to Temporal behind.
if (abort.signal.aborted) process.exit();

/** The set-up that npm runs before the demo does not see the demo's options. */
function setUpEncoder(name: string): void {
  process.env['RETRIEVER_ENCODER'] = name;
  const { status } = spawnSync('bash', ['scripts/setup.sh'], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** Built only for who asks for it; found by its content the next time. */
function setUpLarge(): void {
  const { status } = spawnSync('node_modules/.bin/tsx', ['scripts/build-samples.ts', '--also', LARGE], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** The plan that was asked for, or the release's: that of `bad-latency` is measured and written first. */
async function planOf({
  release,
  plan,
}: {
  release: string;
  plan?: string | undefined;
}): Promise<{ name: string; folder: string }> {
  if (plan !== undefined || release !== LARGE) return { name: plan ?? 'demo', folder: join(ROOT, 'plans') };
  console.log('Measuring this machine for the plan of bad-latency for a good minute ...');
  const folder = await writeLatencyPlan({
    release,
    releasesDir: samplePlaces(ROOT, process.env).releases,
    requestsPerSecond: REQUESTS_PER_SECOND,
    dataDir: join(ROOT, '.data/demo-latency'),
    signal: abort.signal,
    say: (text) => console.log(text),
  });
  return { name: LATENCY_PLAN, folder };
}

function readPlan(folder: string, name: string): Plan {
  const file = join(folder, `${name}.yaml`);
  if (!existsSync(file)) {
    const there = readdirSync(folder).flatMap((entry) => (entry.endsWith('.yaml') ? entry.slice(0, -5) : []));
    throw new Error(`there is no plan ${name}; there are: ${there.join(', ')}`);
  }
  const result = parsePlan(parse(readFileSync(file, 'utf8')));
  if (result.ok) return result.plan;
  throw new Error(`${name}.yaml: ${result.problems.join('; ')}`);
}

function checkRelease(name: string): void {
  const folder = samplePlaces(ROOT, process.env).releases;
  if (existsSync(join(folder, name, 'manifest.json'))) return;
  const there = existsSync(folder) ? readdirSync(folder).join(', ') : 'none';
  throw new Error(
    `there is no release ${name}; there are: ${there}. To build the samples: bash scripts/setup.sh`,
  );
}

async function runScenario(running: DemoStack, plan: Plan): Promise<DemoResult> {
  const { addresses } = running;
  console.log(`
Rollout of ${values.release} over ${STABLE}; it should end ${expectedEnding(values.release)}.
Temporal's web UI: ${addresses.temporalUi}/namespaces/default/workflows/rollout%2Fretriever
`);
  const startedMs = Date.now();
  const screen = createScreen(process.stdout);
  let highestPercent = 0;
  const last = await followRollout({
    address: addresses.temporal,
    candidate: values.release,
    plan: plan.name,
    signal: abort.signal,
    onStatus(status) {
      const failed = running.failure();
      if (failed !== null) throw new Error(failed);
      highestPercent = Math.max(highestPercent, ...status.timeline.map(({ percent }) => percent));
      screen.show({
        clock: 'demo',
        nowMs: Date.now(),
        startedMs,
        status,
        plan,
        traffic: running.traffic(),
      });
    },
  });
  screen.close();
  return resultOf(last, addresses, highestPercent, running.traffic());
}

async function resultOf(
  status: RolloutStatus,
  { gateway, control }: DemoStack['addresses'],
  highestPercent: number,
  traffic: DemoResult['traffic'] | null,
): Promise<DemoResult> {
  if (traffic === null) throw new Error('the simulated users said nothing');
  const client = createGatewayClient({
    gateway,
    control,
    token: { file: join(DATA_DIR, 'run/control-token') },
  });
  const health = await client.health();
  return {
    release: values.release,
    stable: STABLE,
    outcome: status.outcome,
    highestPercent,
    timeToSafeMs: status.safeAfterMs,
    blastRadius: status.blastRadius,
    rollbackVerified: status.verified,
    version: health.version,
    nprobe: health.flags.stable.nprobe,
    traffic,
  };
}

function summarize(result: DemoResult, kept: DemoStack): number {
  const wrong = differences(result);
  console.log(`\n${result.release}: ${result.outcome}; /health says ${result.version}`);
  console.log(usersLine(result.traffic));
  if (result.blastRadius !== null) console.log(sayBlastRadius(result.blastRadius));
  if (result.timeToSafeMs !== null)
    console.log(
      `users were safe ${result.timeToSafeMs} ms after the trigger; rollback ${result.rollbackVerified ? 'verified by probes' : 'NOT verified'}; highest share ${result.highestPercent} %`,
    );
  for (const difference of wrong) console.log(`NOT as it should be: ${difference}`);
  console.log(
    wrong.length === 0 ? 'The rollout ended as it should.' : 'The rollout did not end as it should.',
  );
  if (values.keep) console.log(sayKept(kept, DATA_DIR));
  return wrong.length === 0 ? 0 : 1;
}
