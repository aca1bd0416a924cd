import {
  condition,
  defineSignal,
  executeChild,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { WatchInput } from '../../domain/contracts/guard-activities.ts';
import type { GuardProgress } from '../../domain/guard/reports.ts';
import type { NprobeTuningInput, NprobeTuningResult } from '../../domain/tuning/input.ts';
import type { Packed } from '../../domain/core/packed.ts';
import { handOver } from '../../workflows/rollout/guard.ts';
import { guardSaw } from '../../workflows/runtime/messages.ts';
import type { nprobeTuning } from '../../workflows/tuning/nprobe-tuning.ts';
import type { GuardEvent } from '../../domain/guard/state.ts';

export { rollout } from '../../workflows/rollout/rollout.ts';
export { rerankerExperiment } from '../../workflows/experiment/reranker-experiment.ts';
export { rollback } from '../../workflows/rollback/rollback.ts';
export { evaluation } from '../../workflows/evaluation/evaluation.ts';
export { weeklyMaintenance } from '../../workflows/maintenance/weekly-maintenance.ts';
export { nprobeTuning } from '../../workflows/tuning/nprobe-tuning.ts';
export { monitor } from '../../workflows/monitor/monitor.ts';
export { page } from '../../workflows/notification/page.ts';

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
