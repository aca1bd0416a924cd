import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { z } from 'zod';
import type { RolloutInput } from '../../../domain/rollout/input.ts';
import { readRolloutInput } from '../../../domain/rollout/input.ts';
import { planQuery } from '../../../workflows/runtime/messages.ts';
import type { CommandResult } from '../../cli/command.ts';
import { UsageError, command } from '../../cli/command.ts';
import { service } from './options.ts';
import { DEFAULT_PLAN } from './plan-file.ts';
import { lookAt, rolloutId, taskQueue, whyFailed, withTemporal } from './temporal.ts';
import { watchToItsEnd } from './watch.ts';

/** A worker takes a rollout up and reads its plan within a moment. */
const TAKEN_UP_MS = 10_000;
const POLL_MS = 300;

export const start = command({
  example: '--candidate retriever_v0 --watch',
  options: {
    candidate: { value: 'RELEASE', help: 'the release to ship', schema: z.string() },
    plan: { value: 'NAME', help: 'plans/NAME.yaml', schema: z.string().default(DEFAULT_PLAN) },
    service,
    watch: { help: 'follow it to its end', schema: z.boolean().default(false) },
  },
  run: ({ watch: follow, ...given }, { stream }) => {
    const read = readRolloutInput(given);
    if ('problems' in read) throw new UsageError(read.problems.join('; '));
    return withTemporal(async (client) => {
      const started = await startRollout(client, read.input);
      return follow && started.passed ? watchToItsEnd(client, read.input.service, stream) : started;
    });
  },
});

async function startRollout(client: Client, input: RolloutInput): Promise<CommandResult> {
  const workflowId = rolloutId(input.service);
  try {
    const { firstExecutionRunId: runId } = await client.workflow.start('rollout', {
      workflowId,
      taskQueue: taskQueue(),
      workflowIdConflictPolicy: 'FAIL',
      args: [input],
      staticSummary: `ships ${input.candidate} by ${input.plan}`,
    });
    return await takenUp(client, input, runId);
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const seen = await lookAt(client, input.service);
    const where = seen.kind === 'status' ? ` of ${seen.status.candidate} (${seen.status.state})` : '';
    const reason = `a rollout${where} is under way as ${workflowId}, and there is one at a time: rollout watch shows it`;
    return { passed: false, lines: [reason], result: { reason } };
  }
}

/** Until the plan is read, wrong input would show nowhere but in the workflow's failure. */
async function takenUp(client: Client, input: RolloutInput, runId: string): Promise<CommandResult> {
  const workflowId = rolloutId(input.service);
  const handle = client.workflow.getHandle(workflowId, runId);
  const begun = { workflowId, runId, ...input };
  const deadlineMs = Date.now() + TAKEN_UP_MS;
  while (Date.now() < deadlineMs) {
    if ((await handle.describe()).status.name === 'FAILED') {
      const reason = await whyFailed(client, input.service);
      return { passed: false, lines: [reason], result: { ...begun, reason } };
    }
    const loaded = await client
      .withDeadline(deadlineMs, () => handle.query(planQuery))
      .catch((): null => null);
    if (loaded !== null)
      return {
        passed: true,
        lines: [
          `${workflowId} ships ${input.candidate} by ${input.plan} (sha256 ${loaded.digest.slice(0, 12)})`,
        ],
        result: { ...begun, planDigest: loaded.digest },
      };
    await pause(POLL_MS);
  }
  return {
    passed: true,
    lines: [`${workflowId} is started; no worker has taken it up yet: it begins when one runs`],
    result: { ...begun, planDigest: null },
  };
}
