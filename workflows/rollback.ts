import { ApplicationFailure, CancellationScope, log, workflowInfo } from '@temporalio/workflow';
import type { Postmortem } from '../domain/postmortem.ts';
import type { RollbackInput } from '../domain/rollback-input.ts';
import { readRollbackInput, serviceOfRollback } from '../domain/rollback-input.ts';
import { rollbackCommand } from '../domain/rollout-moves.ts';
import { activities, permanentReason } from './activities.ts';
import { flipFlags, undoDeployment } from './rollback-methods.ts';
import type { Run, TakenBack } from './take-back.ts';
import { takeBack } from './take-back.ts';

/** What a stand-alone rollback did. */
export interface RollbackResult {
  readonly outcome: 'rolledBack';
  readonly verified: boolean;
  readonly reason: string;
  readonly safeAfterMs: number;
}

type Safe = TakenBack & { readonly kind: 'safe' };

/**
 * Takes users back, with or without a rollout: `{"method":"release","to":"v-1","reason":"…","by":"…"}`, all optional.
 * `release` (the default) goes to `to`, or without it to the release that stable serves, or after a promotion to the
 * one before; `flags` puts the lane in use on gru_v0 without reranker; `kubernetes` undoes the Deployment. A running
 * rollout ends as supersededByRollback by the new epoch. Under the id `rollback/<service>` a worker of another service
 * refuses; an id of another shape is for whoever the worker serves.
 */
export async function rollback(raw?: unknown): Promise<RollbackResult> {
  const read = readRollbackInput(raw);
  if ('problem' in read) throw ApplicationFailure.nonRetryable(read.problem, 'WrongInput');
  const { input } = read;
  const { workflowId, runId } = workflowInfo();
  const service = serviceOfRollback(workflowId);
  const run: Run = {
    owner: `${workflowId}/${runId}`,
    ...(service === null ? {} : { service }),
    key: `${workflowId}/${runId}/rollback`,
    by: input.by ?? workflowId,
    reason: input.reason ?? 'rollback workflow',
    late: (reason) => tellLate(reason, input),
  };
  // Half a rollback helps nobody: once asked for, it is carried out even if the workflow is cancelled.
  return CancellationScope.nonCancellable(async () => {
    const startedMs = Date.now();
    const result = await carryOut(input, run, startedMs).catch(failed);
    if (result.kind !== 'safe') throw ApplicationFailure.nonRetryable(result.reason, result.kind);
    await tell(result, run, startedMs);
    const { verification, safeAfterMs } = result;
    const { verified, reason } = verification;
    return { outcome: 'rolledBack', verified, reason, safeAfterMs };
  });
}

/** In the words of what failed for good, where a person reads them first. */
function failed(error: unknown): never {
  throw ApplicationFailure.nonRetryable(permanentReason(error), 'impossible');
}

function carryOut({ method, to }: RollbackInput, run: Run, startedMs: number): Promise<TakenBack> {
  switch (method) {
    case 'release':
      return takeBack(activities(), run, to, startedMs);
    case 'flags':
      return flipFlags(run, startedMs);
    case 'kubernetes':
      return undoDeployment(run, to, startedMs);
    default:
      return method satisfies never;
  }
}

/** Nobody waits for this page, and each says something new. */
function tellLate(reason: string, { to }: RollbackInput): void {
  const { runId } = workflowInfo();
  const page = activities().notify({
    severity: 'critical',
    title: 'a rollback does not get through',
    text: `${reason}. By hand: ${rollbackCommand(to === null ? null : { stable: to })}`,
    dedupeKey: `${runId}/${reason}`,
  });
  page.catch((error: unknown) => log.warn(`not told: ${permanentReason(error)}`));
}

/** A page, and a draft of the post-mortem; neither keeps anything from having happened. */
async function tell({ verification, safeAfterMs }: Safe, run: Run, startedMs: number): Promise<void> {
  const { runId, workflowId } = workflowInfo();
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
    timeline: [{ atMs: startedMs, percent: null, text: `asked for by ${run.by}: ${run.reason}` }],
    blastRadius: [],
  };
  const page = notify({
    severity: verified ? 'warning' : 'critical',
    title,
    text: `${run.reason}: ${reason}`,
    dedupeKey: `${runId}/rolledBack`,
  });
  const told = await Promise.allSettled([page, writePostmortem(draft)]);
  for (const result of told)
    if (result.status === 'rejected') log.warn(`not told: ${permanentReason(result.reason)}`);
}
