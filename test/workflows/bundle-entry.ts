import { condition, defineSignal, executeChild, setHandler, workflowInfo } from '@temporalio/workflow';
import type { WatchResult } from '../../domain/contract.ts';
import type { GuardEvent } from '../../domain/guard.ts';
import { newGuard } from '../../domain/guard.ts';
import type { NprobeTuningInput, NprobeTuningResult } from '../../domain/nprobe-tuning.ts';
import type { GuardInput } from '../../workflows/guard.ts';
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
 * In the guard's place: returns what the signal `guardEvent` brings. The real one polls in an activity all the time,
 * and time skipping stands still while an activity runs.
 */
export async function rolloutGuard(input: GuardInput): Promise<WatchResult> {
  let event: GuardEvent | null = null;
  setHandler(defineSignal<[GuardEvent]>('guardEvent'), (seen) => {
    event = seen;
  });
  await condition(() => event !== null);
  return { state: input.state ?? newGuard(Date.now()), event };
}
