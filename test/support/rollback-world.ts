import { condition, defineSignal, defineUpdate, setHandler } from '@temporalio/workflow';

export { rollback as realRollback } from '../../workflows/rollback/rollback.ts';

/** In the rollout's place, in its last seconds: it has its outcome, and refuses every message. */
export async function rollout(): Promise<void> {
  setHandler(defineUpdate('rollback'), () => {}, {
    validator: () => {
      throw new Error('it has ended: shipped');
    },
  });
  await condition(() => false);
}

/** In the rollback's place: waits for `end`, and says what it was started with. */
export async function rollback(input: unknown): Promise<unknown> {
  let ends = false;
  setHandler(defineSignal('end'), () => {
    ends = true;
  });
  await condition(() => ends);
  return { outcome: 'rolledBack', verified: true, reason: JSON.stringify(input), safeAfterMs: 1 };
}
