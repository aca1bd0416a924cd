import { ApplicationFailure, CancellationScope, log } from '@temporalio/workflow';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { Postmortem } from '../../domain/incident/postmortem.ts';
import type { RollbackInput } from '../../domain/rollback/input.ts';
import { ownerOf, serviceOf } from '../../domain/core/workflow-identity.ts';
import { rollbackCommand } from '../../domain/notification/commands.ts';
import { readRollbackInput } from '../../domain/rollback/input.ts';
import { activities, permanentReason } from '../runtime/activities.ts';
import { identity } from '../runtime/identity.ts';
import { flipFlags, undoDeployment } from './methods.ts';
import type { Run, Safe, RollbackAttempt } from './roll-back.ts';
import { takeBack } from './roll-back.ts';

/** What a stand-alone rollback did. */
export interface RollbackResult {
  readonly outcome: 'rolledBack';
  readonly verified: boolean;
  readonly reason: string;
  readonly safeAfterMs: number;
  /** What of the input could not be used. */
  readonly notes: readonly string[];
}

/**
 * Takes users back, with or without a rollout: `{"method":"release","to":"v-1","reason":"…","by":"…"}`, all optional.
 * `release` (the default) goes to `to`, or without it to the release that stable serves, or after a promotion to the
 * one before; `flags` puts the lane in use on gru_v0 without reranker; `kubernetes` undoes the Deployment. A running
 * rollout ends as supersededByRollback by the new epoch. Under the id `rollback/<service>` a worker of another service
 * refuses; an id of another shape is for whoever the worker serves. Takes whatever it is given: what cannot be used is left out
 * and noted.
 */
export async function rollback(raw?: unknown): Promise<RollbackResult> {
  const { input, notes } = readRollbackInput(raw);
  const { workflowId, runId } = identity();
  const startedMs = Date.now();
  const service = serviceOf('rollback', workflowId);
  const owner = ownerOf({ workflowId, runId });
  const run: Run = {
    owner,
    ...(service === null ? {} : { service }),
    // With the time: after a reset it is carried out, and not remembered.
    key: `${owner}/rollback/${startedMs}`,
    by: input.by ?? workflowId,
    reason: input.reason ?? 'rollback workflow',
    // Nobody waits for this page, and each says something new.
    late: (reason) => void page('a rollback does not get through', reason, input),
    cause: () => cause,
  };
  let cause: string | null = null;
  const calls = activities((what, why) => {
    cause = `${what}: ${why}`;
    return true;
  });
  // Half a rollback helps nobody: once asked for, it is carried out even if the workflow is cancelled.
  return CancellationScope.nonCancellable(async () => {
    const result = await carryOut(calls, input, run, startedMs).catch(impossible);
    if (result.kind !== 'safe') throw await failed(result, input, notes);
    await report(result, run, startedMs, notes);
    const { verification, safeAfterMs } = result;
    const { verified, reason } = verification;
    return { outcome: 'rolledBack', verified, reason, safeAfterMs, notes };
  });
}

/** In the words of what failed for good, where a person reads them first. */
function impossible(error: unknown): RollbackAttempt {
  return { kind: 'impossible', reason: permanentReason(error) };
}

/** Users are where they were: whoever asked is not the only one to hear it. */
async function failed(
  { kind, reason }: Exclude<RollbackAttempt, Safe>,
  input: RollbackInput,
  notes: readonly string[],
): Promise<ApplicationFailure> {
  await page('a rollback was not carried out', [reason, ...notes].join('\n'), input);
  return ApplicationFailure.nonRetryable(reason, kind);
}

function carryOut(
  calls: RolloutActivities,
  { method, to }: RollbackInput,
  run: Run,
  startedMs: number,
): Promise<RollbackAttempt> {
  switch (method) {
    case 'release':
      return takeBack(calls, run, to, startedMs);
    case 'flags':
      return flipFlags(calls, run, startedMs);
    case 'kubernetes':
      return undoDeployment(calls, run, to, startedMs);
    default:
      return method satisfies never;
  }
}

async function page(title: string, reason: string, { to }: RollbackInput): Promise<void> {
  const text = `${reason}. By hand: ${rollbackCommand(to)}`;
  const dedupeKey = `${identity().runId}/${title}/${Date.now()}`;
  await activities()
    .notify({ severity: 'critical', title, text, dedupeKey })
    .catch((error: unknown) => log.warn(`the page was not sent: ${permanentReason(error)}`));
}

/** Sends a page and writes the draft of the post-mortem; the rollback stands even where both fail. */
async function report(
  { verification, safeAfterMs }: Safe,
  run: Run,
  startedMs: number,
  notes: readonly string[],
): Promise<void> {
  const { runId, workflowId } = identity();
  const { notify, writePostmortem } = activities();
  const { verified, reason, version } = verification;
  const title = `rolled back${verified ? '' : ', NOT verified'}`;
  const draft: Postmortem = {
    workflowId,
    runId,
    title: `${title} by ${run.by}`,
    reason: run.reason,
    candidate: null,
    backTo: version,
    plan: null,
    startedMs,
    triggeredMs: startedMs,
    endedMs: Date.now(),
    safeAfterMs,
    verification,
    highestPercent: null,
    rows: [],
    timeline: [`asked for by ${run.by}: ${run.reason}`, ...notes].map((text) => ({
      atMs: startedMs,
      percent: null,
      text,
    })),
    blastRadius: [],
  };
  const paging = notify({
    severity: verified ? 'warning' : 'critical',
    title,
    text: [`${run.reason}: ${reason}`, ...notes].join('\n'),
    dedupeKey: `${runId}/rolledBack/${startedMs}`,
  });
  for (const result of await Promise.allSettled([paging, writePostmortem(draft)]))
    if (result.status === 'rejected') log.warn(`not reported: ${permanentReason(result.reason)}`);
}
