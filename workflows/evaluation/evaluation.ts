import { ApplicationFailure } from '@temporalio/workflow';
import type { EvaluationActivities, JoinedEvaluation } from '../../domain/contracts/evaluation-activities.ts';
import type { HistoryEntry } from '../../domain/evaluation/history.ts';
import type { EvaluationInput } from '../../domain/evaluation/input.ts';
import { readEvaluationInput } from '../../domain/evaluation/input.ts';
import { permanentReason } from '../runtime/activities.ts';
import { evaluationActivities } from './activities.ts';
import type { AppliedRules } from './apply-rules.ts';
import { applyRules, dateOf, tell } from './apply-rules.ts';
import { identity } from '../runtime/identity.ts';

/** What a clean evaluation found; the whole of it is in `file`. */
export interface EvaluationSummary {
  readonly evaluated: HistoryEntry;
  /** What the alert rules say of it; null where they could not be evaluated. */
  readonly rules: AppliedRules | null;
  /** Queries that were not counted, as their answer has left the corpus. */
  readonly gone: number;
  readonly shards: number;
  readonly file: string;
  readonly trendFile: string;
}

/**
 * The nightly clean evaluation: `{"release":"retriever_v0","shards":8}`, both optional; without a release, what stable
 * serves, with the chunks that came and went since. Records what it found, and lets the alert rules judge it. Where quality
 * could not be measured, it tells a person and fails.
 */
export async function evaluation(raw?: unknown): Promise<EvaluationSummary> {
  const read = readEvaluationInput(raw);
  if ('problems' in read)
    throw ApplicationFailure.nonRetryable(`wrong input: ${read.problems.join('; ')}`, 'WrongInput');
  const { workflowId, runId } = identity();
  const atMs = Date.now();
  const date = dateOf(atMs);
  try {
    const { joined, shards } = await evaluateInShards(evaluationActivities(), read.input, {
      run: `${workflowId}/${runId}`,
      date,
      atMs,
    });
    const { entry: evaluated, gone, file, trendFile } = joined;
    const rules = await applyRules(evaluated.release, evaluated.key);
    return { evaluated, rules, gone, shards, file, trendFile };
  } catch (error) {
    const reason = permanentReason(error);
    await tell({
      severity: 'warning',
      title: 'the nightly evaluation could not be made',
      text: `${reason}; quality is unknown until the next one`,
      dedupeKey: `${runId}/notEvaluated/${Date.now()}`,
    });
    throw ApplicationFailure.nonRetryable(reason, 'NotEvaluated');
  }
}

async function evaluateInShards(
  { planEvaluation, evaluateShard, joinEvaluation }: EvaluationActivities,
  input: EvaluationInput,
  { run, date, atMs }: { readonly run: string; readonly date: string; readonly atMs: number },
): Promise<{ joined: JoinedEvaluation; shards: number }> {
  const planned = await planEvaluation({ ...input, run });
  const { shards, ...plan } = planned;
  await Promise.all(shards.map((shard) => evaluateShard({ plan, shard })));
  const joined = await joinEvaluation({ plan: planned, kind: 'nightly', date, atMs });
  return { joined, shards: shards.length };
}
