import type { Client, WorkflowHandle } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError, WorkflowFailedError } from '@temporalio/client';
import { z } from 'zod';
import { NAME_RULE, isName } from '../../../domain/core/name.ts';
import type { RollbackInput } from '../../../domain/rollback/input.ts';
import { ROLLBACK_METHODS, readRollbackInput } from '../../../domain/rollback/input.ts';
import type { RollbackResult } from '../../../workflows/rollback/rollback.ts';
import type { RolloutResult } from '../../../workflows/rollout/rollout.ts';
import type { CommandResult } from '../../cli/command.ts';
import { command } from '../../cli/command.ts';
import { noteOf, send } from './messages.ts';
import { by, reason, service } from './options.ts';
import { innermost, lookAt, rolloutId, taskQueue, withTemporal } from './temporal.ts';
import { seenResult } from './status.ts';

type Input = Readonly<Partial<Record<keyof RollbackInput, string>>>;

/** Longer than any rollback takes that gets through, a lane that has to be loaded included. */
const DONE_WITHIN_MS = 180_000;

const WITHOUT_TEMPORAL =
  'a rollback needs neither it nor a worker: bash scripts/rollback_retriever.sh RELEASE';

export const rollback = command({
  example: '--to v-1 --reason "users complain"',
  options: {
    to: {
      value: 'RELEASE',
      help: 'back to this release, by a workflow of its own; a rollout under way ends as superseded',
      schema: z.string().refine(isName, NAME_RULE).optional(),
    },
    method: {
      value: 'METHOD',
      help: 'release (the release before), flags (gru_v0 without reranker, at once) or kubernetes (undo the Deployment), by a workflow of its own',
      schema: z.enum(ROLLBACK_METHODS).optional(),
    },
    instead: {
      help: 'ends another rollback that is under way, by a workflow of its own, and begins this one',
      schema: z.boolean().default(false),
    },
    service,
    reason,
    by,
  },
  run: ({ service: of, to, method, instead, ...given }) =>
    withTemporal(async (client) => {
      const note = noteOf(given);
      if (to !== undefined || method !== undefined || instead)
        return standAlone(client, of, { ...note, ...(to && { to }), ...(method && { method }) }, instead);
      const sent = await send(client, 'rollback', of, note);
      // A rollout that refuses has its outcome, and is about to end: it takes nobody back any more.
      if (sent.kind === 'none' || sent.kind === 'refused') return standAlone(client, of, note, false);
      return sent.kind === 'accepted' ? outcomeOf(client, of) : sent.answer;
    }, WITHOUT_TEMPORAL),
});

/** The rollout's own end, which its rollback leads to. */
async function outcomeOf(client: Client, of: string): Promise<CommandResult> {
  const handle: WorkflowHandle<() => Promise<RolloutResult>> = client.workflow.getHandle(rolloutId(of));
  const result = await withinTime(handle.result());
  if (result === null) return tooLong();
  const seen = await lookAt(client, of);
  const verified = seen.kind === 'status' ? seen.status.verified : null;
  // Before T0 there is nothing to go back from, and nothing to verify.
  return { ...seenResult(seen, of), passed: verified === true || result.outcome === 'aborted' };
}

/** A rollback by a workflow of its own; the result of one that is under way where it does the same. */
async function standAlone(
  client: Client,
  of: string,
  input: Input,
  instead: boolean,
): Promise<CommandResult> {
  const begun = await begin(client, of, input, instead);
  if (begun.kind === 'other') {
    const words =
      `nothing is begun: ${begun.words} is under way as ${rollbackId(of)}, and what was asked for is ` +
      `${wordsOf(input)}. Let it end, or say --instead, which ends it and begins this one; ` +
      'at once, and without Temporal: bash scripts/rollback_retriever.sh RELEASE';
    return { passed: false, lines: [words], result: { reason: words } };
  }
  try {
    const result = await withinTime(begun.handle.result());
    if (result === null) return tooLong();
    const { outcome, verified, reason: why, safeAfterMs } = result;
    const words = `${outcome} after ${safeAfterMs} ms, ${verified ? 'verified' : 'NOT verified'}: ${why}`;
    return { passed: verified, lines: [words], result: { ...result } };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const words = innermost(error);
    return { passed: false, lines: [words], result: { reason: words } };
  }
}

type Begun =
  | { readonly kind: 'ours'; readonly handle: WorkflowHandle<() => Promise<RollbackResult>> }
  | { readonly kind: 'other'; readonly words: string };

async function begin(client: Client, of: string, input: Input, instead: boolean): Promise<Begun> {
  const workflowId = rollbackId(of);
  try {
    const handle = await client.workflow.start<() => Promise<RollbackResult>>('rollback', {
      workflowId,
      taskQueue: taskQueue(),
      workflowIdConflictPolicy: instead ? 'TERMINATE_EXISTING' : 'FAIL',
      args: [input] as never,
      staticSummary: `takes users of ${of} back`,
    });
    return { kind: 'ours', handle };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  const { runId, status } = await client.workflow.getHandle(workflowId).describe();
  // It has just ended, and proves nothing of now.
  if (status.name !== 'RUNNING') return begin(client, of, input, instead);
  const handle = client.workflow.getHandle<() => Promise<RollbackResult>>(workflowId, runId);
  const words = wordsOf(inputOf(await handle.fetchHistory()));
  if (words !== wordsOf(input)) return { kind: 'other', words };
  console.error(`${words} is under way already: its end is waited for`);
  return { kind: 'ours', handle };
}

function rollbackId(of: string): string {
  return `rollback/${of}`;
}

/** What a run was started with; undecodable is nothing, as the workflow itself takes it. */
function inputOf({ events }: Awaited<ReturnType<WorkflowHandle['fetchHistory']>>): unknown {
  const [payload] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  try {
    return JSON.parse(Buffer.from(payload?.data ?? []).toString('utf8'));
  } catch {
    return null;
  }
}

/** What an input does to users, defaults filled in; who said it and why is left out. */
function wordsOf(raw: unknown): string {
  const { method, to } = readRollbackInput(raw).input;
  return `the method ${method}${method === 'flags' ? '' : ` to ${to ?? 'the release before'}`}`;
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

function tooLong(): CommandResult {
  const words =
    `asked for, and not done after ${DONE_WITHIN_MS / 1000} s: rollout status says where it stands; ` +
    'without Temporal: bash scripts/rollback_retriever.sh RELEASE';
  return { passed: false, lines: [words], result: { reason: words } };
}
