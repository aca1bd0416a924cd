import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { formatBlastRadius } from '../../domain/rollout/status/impact.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import { readPlanFile } from '../../plan-files/read-files.ts';
import type { RolloutStatus } from '../../domain/rollout/status/status.ts';
import { samplePaths } from '../setup/sample-paths.ts';
import { LATENCY_PLAN, writeLatencyPlan } from './latency-plan.ts';
import { formatKept } from './keep-running.ts';
import { followRollout } from './rollout.ts';
import type { DemoResult } from './scenario.ts';
import { differences, expectedEnding } from './scenario.ts';
import { createScreen, usersLine } from '../commands/rollout/screen.ts';
import type { DemoStack } from './stack-process.ts';
import { startDemoStack } from './stack-process.ts';
import { createGatewayClient } from '../../clients/gateway-client.ts';
import { untilInterrupted } from '../../devstack/interrupt.ts';
import { nodeCommand } from '../../devstack/process.ts';
import { ROOT } from '../../platform/node-command.ts';
import type { CommandResult, Progress } from '../cli/command.ts';
import { command } from '../cli/command.ts';

const REQUESTS_PER_SECOND = 150;
const STABLE = 'v-1';
/** Over half a gigabyte: no part of set-up. */
const LARGE = 'bad-latency';
const DATA_DIR = join(ROOT, '.data/demo');
/** What a shell reports of a process that Ctrl-C ended. */
const INTERRUPTED = 130;

interface Wanted {
  readonly release: string;
  readonly plan?: string | undefined;
  readonly keep: boolean;
}

export const demo = command({
  example: '--release bad-norms',
  options: {
    release: { value: 'NAME', help: 'the candidate', schema: z.string().default('retriever_v0') },
    plan: {
      value: 'NAME',
      help: "a name in plans/ (default: the release's own)",
      schema: z.string().optional(),
    },
    encoder: {
      value: 'NAME',
      help: 'sets this encoder up first (RETRIEVER_ENCODER)',
      schema: z.string().optional(),
    },
    keep: { help: 'leaves the stack and its users running', schema: z.boolean().default(false) },
  },
  run({ encoder, ...wanted }, { say, stream }) {
    if (encoder !== undefined) setUpEncoder(encoder);
    if (wanted.release === LARGE) setUpLarge();
    return runDemo(wanted, { say, stream });
  },
});

async function runDemo(wanted: Wanted, progress: Progress): Promise<CommandResult> {
  const { say } = progress;
  const interrupted = untilInterrupted();
  const abort = new AbortController();
  void interrupted.reason.then((reason) => abort.abort(new Error(reason)));
  const { signal } = abort;
  let stack: DemoStack | null = null;
  let keep = false;
  try {
    checkRelease(wanted.release);
    const { name: planName, folder: plansDir } = await planOf(wanted, signal, say);
    const { plan } = await readPlanFile(plansDir, planName);
    say(
      `Starting Temporal, the gateway with ${STABLE}, the worker, and ${REQUESTS_PER_SECOND} requests/s ...`,
    );
    stack = await startDemoStack({
      dataDir: DATA_DIR,
      requestsPerSecond: REQUESTS_PER_SECOND,
      keep: wanted.keep,
      plansDir,
      signal,
    });
    const result = await runScenario({ release: wanted.release, stack, plan, signal }, progress);
    keep = wanted.keep;
    const kept = keep ? [formatKept(stack, DATA_DIR)] : [];
    const wrong = differences(result);
    return {
      passed: wrong.length === 0,
      lines: [...summaryOf(result, wrong), ...kept],
      result: { ...result, differences: wrong },
    };
  } catch (error) {
    if (!signal.aborted) throw error;
    say('\ninterrupted: stopping');
    throw error;
  } finally {
    if (stack !== null && !keep) await stack.stop();
    interrupted.release();
    // An interrupted follow leaves calls to Temporal behind.
    if (signal.aborted) process.exit(INTERRUPTED);
  }
}

/** The set-up that npm runs before the demo does not see the demo's options. */
function setUpEncoder(name: string): void {
  process.env['RETRIEVER_ENCODER'] = name;
  const { status } = spawnSync('bash', ['scripts/setup.sh'], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** Built only for who asks for it; found by its content the next time. */
function setUpLarge(): void {
  const [node, ...args] = nodeCommand('scripts/cli', 'setup', 'samples', '--also', LARGE);
  const { status } = spawnSync(node, args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** The plan that was asked for, or the release's: that of `bad-latency` is measured and written first. */
async function planOf(
  { release, plan }: Wanted,
  signal: AbortSignal,
  say: Progress['say'],
): Promise<{ name: string; folder: string }> {
  if (plan !== undefined || release !== LARGE) return { name: plan ?? 'demo', folder: join(ROOT, 'plans') };
  say('Measuring this machine for the plan of bad-latency for a good minute ...');
  const folder = await writeLatencyPlan({
    release,
    releasesDir: samplePaths(ROOT, process.env).releases,
    requestsPerSecond: REQUESTS_PER_SECOND,
    dataDir: join(ROOT, '.data/demo-latency'),
    signal,
    say,
  });
  return { name: LATENCY_PLAN, folder };
}

function checkRelease(name: string): void {
  const folder = samplePaths(ROOT, process.env).releases;
  if (existsSync(join(folder, name, 'manifest.json'))) return;
  const there = existsSync(folder) ? readdirSync(folder).join(', ') : 'none';
  throw new Error(
    `there is no release ${name}; there are: ${there}. To build the samples: bash scripts/setup.sh`,
  );
}

interface Scenario {
  readonly release: string;
  readonly stack: DemoStack;
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

async function runScenario(
  { release, stack, plan, signal }: Scenario,
  { say, stream }: Progress,
): Promise<DemoResult> {
  const { addresses } = stack;
  say(`
Rollout of ${release} over ${STABLE}; it should end ${expectedEnding(release)}.
Temporal's web UI: ${addresses.temporalUi}/namespaces/default/workflows/rollout%2Fretriever
`);
  const startedMs = Date.now();
  const screen = createScreen(stream);
  let highestPercent = 0;
  const last = await followRollout({
    address: addresses.temporal,
    candidate: release,
    plan: plan.name,
    signal,
    onStatus(status) {
      const failed = stack.failure();
      if (failed !== null) throw new Error(failed);
      highestPercent = Math.max(highestPercent, ...status.timeline.map(({ percent }) => percent));
      screen.show({
        clock: 'demo',
        nowMs: Date.now(),
        startedMs,
        status,
        plan,
        traffic: stack.traffic(),
      });
    },
  });
  screen.close();
  return resultOf(release, last, highestPercent, stack);
}

async function resultOf(
  release: string,
  status: RolloutStatus,
  highestPercent: number,
  stack: DemoStack,
): Promise<DemoResult> {
  const traffic = stack.traffic();
  const { gateway, control } = stack.addresses;
  if (traffic === null) throw new Error('the simulated users said nothing');
  const client = createGatewayClient({
    gateway,
    control,
    token: { file: join(DATA_DIR, 'run/control-token') },
  });
  const health = await client.health();
  return {
    release,
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

function summaryOf(result: DemoResult, wrong: readonly string[]): string[] {
  const { release, outcome, version, traffic, blastRadius, timeToSafeMs, rollbackVerified } = result;
  return [
    `\n${release}: ${outcome}; /health says ${version}`,
    usersLine(traffic),
    ...(blastRadius === null ? [] : [formatBlastRadius(blastRadius)]),
    ...(timeToSafeMs === null
      ? []
      : [
          `users were safe ${timeToSafeMs} ms after the trigger; rollback ${rollbackVerified ? 'verified by probes' : 'NOT verified'}; highest share ${result.highestPercent} %`,
        ]),
    ...wrong.map((difference) => `NOT as it should be: ${difference}`),
    wrong.length === 0 ? 'The rollout ended as it should.' : 'The rollout did not end as it should.',
  ];
}
