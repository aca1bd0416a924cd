/**
 * `npm start [-- --traffic RATE] [--no-monitor]`: the embedded stack and its monitor, kept running until Ctrl-C. With
 * --traffic, simulated users send so many requests a second. The demo starts its stack through this as well, without
 * monitor: alert rules last for longer than it does.
 */
import { rename, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { readSettings } from '../domain/core/settings.ts';
import { stackFolders } from '../domain/core/stack-folders.ts';
import { samplePlaces } from './build/places.ts';
import { untilInterrupted } from '../devstack/interrupt.ts';
import { keepRunning } from '../devstack/keep-running.ts';
import { startMonitor } from '../devstack/monitor.ts';
import { portsFromEnv } from '../devstack/ports.ts';
import { ROOT, nodeCommand, startProcess } from '../devstack/process.ts';
import type { Stack } from '../devstack/stack.ts';
import { startStack } from '../devstack/stack.ts';
import { positive, readOptions, settingsOrUsage } from './tool/usage.ts';
import type { Part } from '../devstack/stack-options.ts';

const USAGE = 'usage: npm start [-- [--traffic QPS] [--no-monitor]]';
const SETTINGS = [
  'DATA_DIR',
  'RELEASES_DIR',
  'ARTIFACTS_DIR',
  'PROD_DOCS_DIR',
  'PLANS_DIR',
  'STABLE_RELEASE',
  'SERVICE',
  'TASK_QUEUE',
] as const;
const values = readOptions(USAGE, {
  options: { traffic: { type: 'string' }, 'no-monitor': { type: 'boolean', default: false } },
});
if (values.traffic !== undefined) positive('--traffic', values.traffic, USAGE);
const read = settingsOrUsage(USAGE, () => ({
  ports: portsFromEnv(process.env),
  samples: samplePlaces(ROOT, process.env),
  ...readSettings(process.env, ...SETTINGS),
}));
const folders = stackFolders(read);
const dataDir = resolve(ROOT, folders.data);
const releasesDir = resolve(ROOT, read.RELEASES_DIR ?? read.samples.releases);
/** As gateway and worker of this environment have them. */
const { STABLE_RELEASE: stableRelease, SERVICE: service, TASK_QUEUE: taskQueue } = read;
const interrupted = untilInterrupted();
/** Aborts once the stack is to end. */
const over = new AbortController();
/** Null until the stack has come up: what ends before that is an error of its start. */
let keepWorker: ((reason: string) => void) | null = null;

try {
  const stack = await startStack({
    dataDir,
    releasesDir,
    artifactsDir: resolve(ROOT, folders.artifacts),
    plansDir: resolve(ROOT, read.PLANS_DIR),
    prodDocsDir: resolve(ROOT, folders.prodDocs),
    stableRelease,
    ports: read.ports,
    env: { worker: { SERVICE: service, TASK_QUEUE: taskQueue } },
    onProgress: (text) => console.log(`  ${text}`),
    onUnexpectedExit: (reason, part) => ended(reason, part),
  });
  keepWorker = keepRunning({
    start: () => stack.start('worker'),
    say: (text) => console.log(`  ${text}`),
    signal: over.signal,
  });
  if (!values['no-monitor']) {
    await startMonitor(stack.addresses.temporal, { service, taskQueue });
    console.log('  monitor     watches the alert rules');
  }
  const traffic = values.traffic === undefined ? null : startTraffic(stack, values.traffic);
  await publish(stack);
  sayWhatNext(stack);
  const reason = await interrupted.reason;
  over.abort();
  console.log(`\n${reason}: stopping`);
  await traffic?.stop();
  await stack.stop();
  process.exitCode = interrupted.bySignal() ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
interrupted.release();

/** Users need no worker: it starts again while they are served. Without gateway or Temporal nothing is left to keep. */
function ended(reason: string, part: Part): void {
  if (part === 'worker' && keepWorker !== null) keepWorker(reason);
  else interrupted.now(reason);
}

/** Whoever waits for the stack reads from this file that it is there, and where. */
async function publish({ addresses }: Stack): Promise<void> {
  const file = join(dataDir, 'run/stack.json');
  await writeFile(`${file}.new`, JSON.stringify({ pid: process.pid, ...addresses }));
  await rename(`${file}.new`, file);
}

function startTraffic(stack: Stack, rate: string) {
  const args = [
    '--gateway',
    stack.addresses.gateway,
    '--release',
    join(releasesDir, stableRelease),
    '--rate',
    rate,
  ];
  console.log(`  traffic     ${rate} requests/s`);
  return startProcess({
    name: 'traffic',
    command: nodeCommand('scripts/traffic', ...args, '--with-parent'),
    logFile: join(dataDir, 'logs/traffic.log'),
    onUnexpectedExit: (reason) => console.error(reason),
  });
}

function sayWhatNext({ addresses: { temporal, gateway, temporalUi } }: Stack): void {
  const cli = relative(process.cwd(), join(ROOT, '.data/bin/temporal'));
  const address = temporal.endsWith(':7233') ? '' : ` --address ${temporal}`;
  const workflow = `${cli} workflow`;
  const id = `rollout/${service}`;
  const input = { ...(service === 'retriever' ? {} : { service }), candidate: 'retriever_v0' };
  console.log(`
Everything runs. In another terminal:
  curl -s ${gateway}/ready
  ${workflow} start${address} --type rollout --task-queue ${taskQueue} \\
    --workflow-id ${id} --input '${JSON.stringify(input)}'
  ${workflow} query${address} --workflow-id ${id} --type status
  ${workflow} signal${address} --workflow-id ${id} --name rollback
and in a browser: ${temporalUi}
Ctrl-C stops all of it.`);
}
