import { rename, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { readSettings } from '../../../domain/core/settings.ts';
import { stackFolders } from '../../../domain/core/stack-folders.ts';
import { untilInterrupted } from '../../../devstack/interrupt.ts';
import { keepRunning } from '../../../devstack/keep-running.ts';
import { startMonitor } from '../../../devstack/monitor.ts';
import { portsFromEnv } from '../../../devstack/ports.ts';
import type { RunningProcess } from '../../../devstack/process.ts';
import { nodeCommand, startProcess } from '../../../devstack/process.ts';
import { ROOT } from '../../../platform/node-command.ts';
import type { Part, StackOptions } from '../../../devstack/stack-options.ts';
import type { Stack } from '../../../devstack/stack.ts';
import { startStack } from '../../../devstack/stack.ts';
import type { CommandResult, Progress } from '../../cli/command.ts';
import { command } from '../../cli/command.ts';
import { positive } from '../../cli/options.ts';
import { samplePaths } from '../../setup/sample-paths.ts';

/**
 * The demo starts its stack through this as well, without monitor: alert rules last for longer than it does.
 */
export const start = command({
  example: '--traffic 20',
  options: {
    traffic: {
      value: 'QPS',
      help: 'requests a second that simulated users send (default: none)',
      schema: positive.optional(),
    },
    'no-monitor': { help: 'does not watch the alert rules', schema: z.boolean().default(false) },
  },
  run: ({ traffic, 'no-monitor': noMonitor }, { say }) =>
    runStack({ traffic: traffic ?? null, monitor: !noMonitor, ...readFolders() }, say),
});

interface Wanted {
  readonly traffic: number | null;
  readonly monitor: boolean;
  readonly folders: Omit<StackOptions, 'onProgress' | 'onUnexpectedExit'>;
  readonly service: string;
  readonly taskQueue: string;
}

/** Folders, ports and names as gateway and worker of this environment have them. */
function readFolders(): Pick<Wanted, 'folders' | 'service' | 'taskQueue'> {
  const samples = samplePaths(ROOT, process.env);
  const read = readSettings(
    process.env,
    'DATA_DIR',
    'RELEASES_DIR',
    'ARTIFACTS_DIR',
    'PROD_DOCS_DIR',
    'PLANS_DIR',
    'STABLE_RELEASE',
    'SERVICE',
    'TASK_QUEUE',
  );
  const { data, artifacts, prodDocs } = stackFolders(read);
  const { STABLE_RELEASE: stableRelease, SERVICE: service, TASK_QUEUE: taskQueue } = read;
  return {
    service,
    taskQueue,
    folders: {
      dataDir: resolve(ROOT, data),
      releasesDir: resolve(ROOT, read.RELEASES_DIR ?? samples.releases),
      artifactsDir: resolve(ROOT, artifacts),
      plansDir: resolve(ROOT, read.PLANS_DIR),
      prodDocsDir: resolve(ROOT, prodDocs),
      stableRelease,
      ports: portsFromEnv(process.env),
      env: { worker: { SERVICE: service, TASK_QUEUE: taskQueue } },
    },
  };
}

async function runStack(wanted: Wanted, say: Progress['say']): Promise<CommandResult> {
  const { folders, service, taskQueue } = wanted;
  const interrupted = untilInterrupted();
  /** Aborts once the stack is to end. */
  const over = new AbortController();
  /** Null until the stack has come up: what ends before that is an error of its start. */
  let keepWorker: ((reason: string) => void) | null = null;
  /** Users need no worker: it starts again while they are served. Without gateway or Temporal nothing is left to keep. */
  const ended = (reason: string, part: Part) => {
    if (part === 'worker' && keepWorker !== null) keepWorker(reason);
    else interrupted.now(reason);
  };
  const sayPart = (text: string) => say(`  ${text}`);
  try {
    const stack = await startStack({ ...folders, onProgress: sayPart, onUnexpectedExit: ended });
    keepWorker = keepRunning({ start: () => stack.start('worker'), say: sayPart, signal: over.signal });
    if (wanted.monitor) {
      await startMonitor(stack.addresses.temporal, { service, taskQueue });
      sayPart('monitor     watches the alert rules');
    }
    const traffic = wanted.traffic === null ? null : startTraffic(stack, wanted.traffic, folders);
    if (traffic !== null) sayPart(`traffic     ${wanted.traffic} requests/s`);
    await publish(stack, folders.dataDir);
    say(nextSteps(stack, service, taskQueue));
    const reason = await interrupted.reason;
    over.abort();
    say(`\n${reason}: stopping`);
    await traffic?.stop();
    await stack.stop();
    return { passed: interrupted.bySignal(), lines: [], result: { reason } };
  } finally {
    interrupted.release();
  }
}

/** Whoever waits for the stack reads from this file that it is there, and where. */
async function publish({ addresses }: Stack, dataDir: string): Promise<void> {
  const file = join(dataDir, 'run/stack.json');
  await writeFile(`${file}.new`, JSON.stringify({ pid: process.pid, ...addresses }));
  await rename(`${file}.new`, file);
}

function startTraffic(
  { addresses }: Stack,
  rate: number,
  { dataDir, releasesDir, stableRelease }: Wanted['folders'],
): RunningProcess {
  const options = { gateway: addresses.gateway, release: join(releasesDir, stableRelease), rate };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  return startProcess({
    name: 'traffic',
    command: nodeCommand('scripts/cli', 'traffic', ...args, '--with-parent'),
    logFile: join(dataDir, 'logs/traffic.log'),
    onUnexpectedExit: (reason) => console.error(reason),
  });
}

function nextSteps(
  { addresses: { temporal, gateway, temporalUi } }: Stack,
  service: string,
  taskQueue: string,
): string {
  const cli = relative(process.cwd(), join(ROOT, '.data/bin/temporal'));
  const address = temporal.endsWith(':7233') ? '' : ` --address ${temporal}`;
  const workflow = `${cli} workflow`;
  const id = `rollout/${service}`;
  const input = { ...(service === 'retriever' ? {} : { service }), candidate: 'retriever_v0' };
  return `
Everything runs. In another terminal:
  curl -s ${gateway}/ready
  ${workflow} start${address} --type rollout --task-queue ${taskQueue} \\
    --workflow-id ${id} --input '${JSON.stringify(input)}'
  ${workflow} query${address} --workflow-id ${id} --type status
  ${workflow} signal${address} --workflow-id ${id} --name rollback
and in a browser: ${temporalUi}
Ctrl-C stops all of it.`;
}
