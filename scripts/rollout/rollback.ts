import type { Client, WorkflowHandle } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import { z } from 'zod';
import type { RollbackInput } from '../../domain/rollback-input.ts';
import { ROLLBACK_METHODS } from '../../domain/rollback-input.ts';
import type { RollbackResult } from '../../workflows/rollback.ts';
import type { RolloutResult } from '../../workflows/rollout.ts';
import type { ToolResult } from '../tool/tool.ts';
import { command } from '../tool/tool.ts';
import { noteOf, send } from './messages.ts';
import { by, reason, service } from './options.ts';
import { innermost, lookAt, rolloutId, taskQueue, withTemporal } from './temporal.ts';
import { seenResult } from './status.ts';

/** Longer than any rollback takes that gets through, a lane that has to be loaded included. */
const DONE_WITHIN_MS = 180_000;

const WITHOUT_TEMPORAL =
  'a rollback needs neither it nor a worker: bash scripts/rollback_retriever.sh RELEASE';

export const rollback = command({
  name: 'rollout rollback',
  summary: 'takes users back, with or without a rollout under way; met where that is done and verified.',
  options: {
    to: {
      value: 'RELEASE',
      help: 'back to this release, by a workflow of its own; a rollout under way ends as superseded',
      schema: z.string().min(1).optional(),
    },
    method: {
      value: 'METHOD',
      help: 'release (the release before), flags (gru_v0 without reranker, at once) or kubernetes (undo the Deployment), by a workflow of its own',
      schema: z.enum(ROLLBACK_METHODS).optional(),
    },
    service,
    reason,
    by,
  },
  run: ({ service: of, to, method, ...given }) =>
    withTemporal(async (client) => {
      const note = noteOf(given);
      if (to !== undefined || method !== undefined)
        return standAlone(client, of, { ...note, ...(to && { to }), ...(method && { method }) });
      const sent = await send(client, 'rollback', of, note);
      if (sent.kind === 'none') return standAlone(client, of, note);
      return sent.kind === 'accepted' ? outcomeOf(client, of) : sent.answer;
    }, WITHOUT_TEMPORAL),
});

/** The rollout's own end, which its rollback leads to. */
async function outcomeOf(client: Client, of: string): Promise<ToolResult> {
  const handle: WorkflowHandle<() => Promise<RolloutResult>> = client.workflow.getHandle(rolloutId(of));
  const result = await withinTime(handle.result());
  if (result === null) return tooLong();
  const seen = await lookAt(client, of);
  const verified = seen.kind === 'status' ? seen.status.verified : null;
  // Before T0 there is nothing to go back from, and nothing to verify.
  return { ...seenResult(seen, of), met: verified === true || result.outcome === 'aborted' };
}

/** Joins a rollback of the service that is under way. */
async function standAlone(
  client: Client,
  of: string,
  input: Readonly<Partial<Record<keyof RollbackInput, string>>>,
): Promise<ToolResult> {
  try {
    const handle = await client.workflow.start<() => Promise<RollbackResult>>('rollback', {
      workflowId: `rollback/${of}`,
      taskQueue: taskQueue(),
      workflowIdConflictPolicy: 'USE_EXISTING',
      args: [input] as never,
      staticSummary: `takes users of ${of} back`,
    });
    const result = await withinTime(handle.result());
    if (result === null) return tooLong();
    const { outcome, verified, reason: why, safeAfterMs } = result;
    const words = `${outcome} after ${safeAfterMs} ms, ${verified ? 'verified' : 'NOT verified'}: ${why}`;
    return { met: verified, lines: [words], result: { ...result } };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const words = innermost(error);
    return { met: false, lines: [words], result: { reason: words } };
  }
}

async function withinTime<T>(promise: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), DONE_WITHIN_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLong(): ToolResult {
  const words =
    `asked for, and not done after ${DONE_WITHIN_MS / 1000} s: rollout status says where it stands; ` +
    'without Temporal: bash scripts/rollback_retriever.sh RELEASE';
  return { met: false, lines: [words], result: { reason: words } };
}
