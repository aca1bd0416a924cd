import {
  condition,
  defineSignal,
  executeChild,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { GuardEvent } from '../../domain/guard.ts';
import type { WatchInput } from '../../domain/guard-contract.ts';
import type { GuardProgress } from '../../domain/guard-reports.ts';
import type { NprobeTuningInput, NprobeTuningResult } from '../../domain/nprobe-tuning.ts';
import type { Packed } from '../../domain/packed.ts';
import { handOver } from '../../workflows/guard.ts';
import { guardSaw } from '../../workflows/messages.ts';
import type { nprobeTuning } from '../../workflows/nprobe-tuning.ts';

export { rollout } from '../../workflows/rollout.ts';
export { rerankerExperiment } from '../../workflows/reranker-experiment.ts';
export { rollback } from '../../workflows/rollback.ts';
export { evaluation } from '../../workflows/evaluation.ts';
export { weeklyMaintenance } from '../../workflows/weekly-maintenance.ts';
export { nprobeTuning } from '../../workflows/nprobe-tuning.ts';
export { monitor } from '../../workflows/monitor.ts';
export { page } from '../../workflows/page.ts';

/** In the place of a rollout that starts a tuning. */
export async function tuningParent(input: NprobeTuningInput): Promise<NprobeTuningResult> {
  return executeChild<typeof nprobeTuning>('nprobeTuning', {
    workflowId: `${workflowInfo().workflowId}/nprobeTuning`,
    args: [input],
  });
}

/**
 * In the guard's place: reports to the rollout what the signal `guardEvent` brings. The real one polls in an activity all the
 * time, and time skipping stands still while an activity runs.
 */
export async function rolloutGuard({ workflowId, epoch }: WatchInput): Promise<Packed<GuardProgress>> {
  let left = false;
  let seen = 0;
  const reporting: Promise<void>[] = [];
  setHandler(handOver, () => {
    left = true;
  });
  setHandler(defineSignal<[GuardEvent]>('guardEvent'), (event) => {
    const report = { epoch, key: `${workflowInfo().runId}/${++seen}`, event };
    reporting.push(getExternalWorkflowHandle(workflowId).signal(guardSaw, report));
  });
  await condition(() => left);
  await Promise.all(reporting);
  return { gzip: 'the state of the tests' };
}
