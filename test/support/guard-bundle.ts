import { condition, defineQuery, defineSignal, setHandler, startChild } from '@temporalio/workflow';
import type { WatchInput } from '../../domain/contracts/guard-activities.ts';
import type { GuardProgress } from '../../domain/guard/reports.ts';
import type { Packed } from '../../domain/core/packed.ts';
import type { rolloutGuard } from '../../workflows/rollout/guard.ts';
import { handOver } from '../../workflows/rollout/guard.ts';
import { GuardSupervisor } from '../../workflows/rollout/guard-supervisor.ts';
import { guardSaw } from '../../workflows/runtime/messages.ts';

export { rolloutGuard } from '../../workflows/rollout/guard.ts';

/** In the rollout's place: has the real guard, and remembers what that sends, and what a rollout takes of it. */
export async function rollout(input: WatchInput): Promise<Packed<GuardProgress>> {
  const sent: unknown[] = [];
  const taken: unknown[] = [];
  const watch = new GuardSupervisor(
    (event) => taken.push(event) > 0,
    () => {},
    null,
  );
  let leave = false;
  setHandler(guardSaw, (report) => {
    sent.push(report);
    watch.hear(report, input.epoch);
  });
  setHandler(defineSignal('leave'), () => {
    leave = true;
  });
  setHandler(defineQuery('heard'), () => ({ sent, taken }));
  const guard = await startChild<typeof rolloutGuard>('rolloutGuard', {
    workflowId: `${input.workflowId}/guard`,
    args: [input],
  });
  await condition(() => leave);
  await guard.signal(handOver);
  return guard.result();
}
