import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { Client, Connection } from '@temporalio/client';
import type { ControlView } from '../../domain/control/state.ts';
import { TASK_QUEUE } from '../../domain/core/task-queues.ts';
import type { RolloutStatus } from '../../domain/rollout/status/status.ts';
import type { GatewayClient } from '../../clients/gateway-client.ts';
import { createGatewayClient } from '../../clients/gateway-client.ts';
import { ANY_PORTS } from '../../devstack/ports.ts';
import { nodeCommand, startProcess } from '../../devstack/process.ts';
import { ROOT } from '../../platform/node-command.ts';
import type { Stack } from '../../devstack/stack.ts';
import { replayAll } from './replays.ts';
import { startStack } from '../../devstack/stack.ts';
import type { TrafficReport } from '../../devstack/traffic/tally.ts';
import type { StackOptions } from '../../devstack/stack-options.ts';

/** A whole stack on ephemeral ports and a folder of its own, with what a test needs to look at it. */
export interface World {
  readonly stack: Stack;
  readonly folder: string;
  readonly gateway: GatewayClient;
  startRollout(candidate: string, plan: string): Promise<WorkflowHandle>;
  status(): Promise<RolloutStatus>;
  /** Waits until the status satisfies `isMet`; throws with the last one if that takes too long. */
  untilStatus(
    what: string,
    is: (status: RolloutStatus) => boolean,
    withinMs?: number,
  ): Promise<RolloutStatus>;
  untilControl(what: string, is: (view: ControlView) => boolean, withinMs?: number): Promise<ControlView>;
  /** The Temporal CLI as a person types it. Resolves with its standard output. */
  temporal(...args: string[]): Promise<string>;
  startTraffic(requestsPerSecond: number): Promise<Traffic>;
  /** Ends all of it. Throws where a workflow's history is not what its code does again: the next worker would be stuck. */
  close(): Promise<void>;
}

export interface Traffic {
  report(): TrafficReport;
  /** Waits for the next report that satisfies the condition. */
  until(what: string, is: (report: TrafficReport) => boolean): Promise<TrafficReport>;
  stop(): Promise<TrafficReport>;
}

const WITHIN_MS = 40_000;
const ID = 'rollout/retriever';

/** Starts a stack whose stable release is `stable` of that folder; `onUnexpectedExit` receives the end of a part that nobody stopped. */
export async function startWorld(
  releasesDir: string,
  stable: string,
  env: StackOptions['env'] = {},
  onUnexpectedExit: StackOptions['onUnexpectedExit'] = () => {},
  plansDir = join(ROOT, 'test/fixtures/plans'),
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'rollout-e2e-'));
  const stack = await startStack({
    dataDir: folder,
    releasesDir,
    artifactsDir: join(folder, 'artifacts'),
    plansDir,
    prodDocsDir: join(folder, 'PROD'),
    stableRelease: stable,
    ports: ANY_PORTS,
    onUnexpectedExit,
    env: { ...env, worker: { PROD_DOCS_DIR: join(folder, 'PROD'), ...env?.worker } },
  }).catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  const connection = await Connection.connect({ address: stack.addresses.temporal });
  const client = new Client({ connection });
  const gateway = createGatewayClient({ ...stack.addresses, token: { file: stack.tokenFile } });
  const running: Traffic[] = [];
  const status = (): Promise<RolloutStatus> => client.workflow.getHandle(ID).query('status');
  return {
    stack,
    folder,
    gateway,
    status,
    startRollout: (candidate, plan) =>
      client.workflow.start('rollout', {
        taskQueue: TASK_QUEUE,
        workflowId: ID,
        args: [{ candidate, plan }],
      }),
    untilStatus: (what, is, withinMs = WITHIN_MS) => until(what, status, is, withinMs),
    untilControl: (what, is, withinMs = WITHIN_MS) => until(what, () => gateway.view(), is, withinMs),
    async temporal(...args) {
      const cli = join(ROOT, '.data/bin/temporal');
      return (await promisify(execFile)(cli, [...args, '--address', stack.addresses.temporal])).stdout;
    },
    async startTraffic(requestsPerSecond) {
      const traffic = startTraffic(stack, folder, join(releasesDir, stable), requestsPerSecond);
      running.push(traffic);
      await traffic.until('first answers', ({ answered }) => answered > 0);
      return traffic;
    },
    async close() {
      await Promise.all(running.map((traffic) => traffic.stop()));
      try {
        await replayAll(client);
      } finally {
        await connection.close();
        await stack.stop();
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

function startTraffic(stack: Stack, folder: string, release: string, rate: number): Traffic {
  let last: TrafficReport | null = null;
  const { gateway } = stack.addresses;
  const args = ['--gateway', gateway, '--release', release, '--rate', String(rate), '--with-parent'];
  const users = startProcess({
    name: 'traffic',
    command: nodeCommand('scripts/cli', 'traffic', ...args),
    logFile: join(folder, 'logs/traffic.log'),
    onLine: (line) => {
      if (line.startsWith('{')) last = JSON.parse(line);
    },
  });
  const report = () => {
    if (last === null) throw new Error('the simulated users said nothing yet');
    return last;
  };
  return {
    report,
    until: (what, is) => until(what, async () => report(), is, WITHIN_MS),
    async stop() {
      await users.stop();
      return report();
    },
  };
}

/** Asks until the answer satisfies the condition; a question that fails is asked again, as parts are being killed and restarted. */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  is: (answer: T) => boolean,
  withinMs: number,
): Promise<T> {
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    const answer = await ask().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if ('value' in answer && is(answer.value)) return answer.value;
    if (Date.now() > deadlineMs)
      throw new Error(
        `not within ${withinMs / 1000} s: ${what}; last: ${JSON.stringify(answer).slice(0, 4_000)}`,
      );
    await pause(100);
  }
}
