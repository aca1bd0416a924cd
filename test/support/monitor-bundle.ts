import { ApplicationFailure, condition, defineQuery, defineSignal, setHandler } from '@temporalio/workflow';

export { monitor } from '../../workflows/monitor/monitor.ts';
export { page } from '../../workflows/notification/page.ts';

/** In the rollout's place: remembers the signals it gets. */
export async function rollout(): Promise<void> {
  const heard: unknown[] = [];
  let ended = false;
  for (const name of ['rollback', 'hold'])
    setHandler(defineSignal<[unknown?]>(name), (payload) => {
      heard.push({ name, payload });
    });
  setHandler(defineSignal('end'), () => {
    ended = true;
  });
  setHandler(defineQuery('heard'), () => heard);
  await condition(() => ended);
}

/** In its place: lasts. */
export async function weeklyMaintenance(): Promise<void> {
  await condition(() => false);
}

/** In its place: refuses its input. */
export async function nprobeTuning(): Promise<never> {
  throw ApplicationFailure.nonRetryable('wrong input: lane: must be stable or candidate');
}
