import { condition, defineQuery, defineSignal, setHandler, startChild } from '@temporalio/workflow';
import type { WatchInput } from '../../domain/guard-contract.ts';
import type { GuardProgress } from '../../domain/guard-reports.ts';
import type { Packed } from '../../domain/packed.ts';
import type { rolloutGuard } from '../../workflows/guard.ts';
import { handOver } from '../../workflows/guard.ts';
import { guardSaw } from '../../workflows/messages.ts';

export { rolloutGuard } from '../../workflows/guard.ts';

/** In the rollout's place: has the real guard, and remembers what that reports. */
export async function rollout(input: WatchInput): Promise<Packed<GuardProgress>> {
  const heard: unknown[] = [];
  let leave = false;
  setHandler(guardSaw, (report) => void heard.push(report));
  setHandler(defineSignal('leave'), () => {
    leave = true;
  });
  setHandler(defineQuery('heard'), () => heard);
  const guard = await startChild<typeof rolloutGuard>('rolloutGuard', {
    workflowId: `${input.workflowId}/guard`,
    args: [input],
  });
  await condition(() => leave);
  await guard.signal(handOver);
  return guard.result();
}
