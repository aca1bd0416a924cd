import { ApplicationFailure, CancellationScope, workflowInfo } from '@temporalio/workflow';
import { activities } from './activities.ts';
import { takeBack } from './take-back.ts';

/** What a stand-alone rollback did. */
export interface RollbackResult {
  readonly outcome: 'rolledBack';
  readonly verified: boolean;
  readonly reason: string;
  readonly safeAfterMs: number;
}

const FIELDS = ['to', 'reason', 'by'];

/**
 * Takes users back to a release, with or without a rollout: `{"to":"v-1","reason":"…","by":"…"}`, all optional. Without
 * `to`, the release that stable serves, or after a promotion the one before. A running rollout ends as supersededByRollback by the new epoch.
 */
export async function rollback(raw?: unknown): Promise<RollbackResult> {
  const { workflowId, runId } = workflowInfo();
  const input = readInput(raw);
  const { notify } = activities();
  const startedMs = Date.now();
  const reason = input.reason ?? 'rollback workflow';
  // Half a rollback helps nobody: once asked for, it is carried out even if the workflow is cancelled.
  return CancellationScope.nonCancellable(async () => {
    const run = {
      owner: `${workflowId}/${runId}`,
      key: `${workflowId}/${runId}/rollback`,
      by: input.by ?? workflowId,
      reason,
    };
    const result = await takeBack(activities(), run, input.to, startedMs);
    if (result.kind !== 'safe') throw ApplicationFailure.nonRetryable(result.reason, result.kind);
    const { verification, safeAfterMs } = result;
    await notify({
      severity: verification.verified ? 'warning' : 'critical',
      title: `rolled back${verification.verified ? '' : ', NOT verified'}`,
      text: `${reason}: ${verification.reason}`,
      dedupeKey: `${runId}/rolledBack`,
    });
    return {
      outcome: 'rolledBack',
      verified: verification.verified,
      reason: verification.reason,
      safeAfterMs,
    };
  });
}

function readInput(raw: unknown): { to: string | null; reason: string | null; by: string | null } {
  if (raw === undefined || raw === null) return { to: null, reason: null, by: null };
  if (typeof raw !== 'object' || Array.isArray(raw))
    throw wrong('the input must be an object like {"to":"v-1"}');
  const given = raw as Record<string, unknown>;
  const unknown = Object.keys(given).filter((name) => !FIELDS.includes(name));
  if (unknown.length > 0) throw wrong(`${unknown.join(', ')}: unknown field; there are ${FIELDS.join(', ')}`);
  const text = (name: string) => {
    const value = given[name] ?? null;
    if (value === null || (typeof value === 'string' && value !== '')) return value;
    throw wrong(`${name}: must be a text, not ${JSON.stringify(value)}`);
  };
  return { to: text('to'), reason: text('reason'), by: text('by') };
}

function wrong(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'WrongInput');
}
