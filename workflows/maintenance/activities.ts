import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import { batchTaskQueue } from '../../domain/core/task-queues.ts';
import type { WeeklyActivities } from '../../domain/contracts/maintenance-activities.ts';
import { BATCH } from '../evaluation/activities.ts';

/** Activities of the weekly maintenance, on the queue of heavy work. */
export function weeklyActivities(): WeeklyActivities {
  const taskQueue = batchTaskQueue(workflowInfo().taskQueue);
  const as = (summary: string) =>
    proxyActivities<WeeklyActivities>({ ...BATCH, startToCloseTimeout: '6h', taskQueue, summary });
  return {
    planWeekly: as('look at what stable serves and at the ingest log').planWeekly,
    mergeCorpus: as('merge ingested chunks into the corpus').mergeCorpus,
    rebuildTruth: as('rebuild the FLAT truth').rebuildTruth,
    evaluateMerged: as('evaluate, append to the history').evaluateMerged,
    prepareIvf: as('rows into lists, new lists where needed').prepareIvf,
    retrainReranker: as('train a reranker and let it compete').retrainReranker,
    publishRelease: as('publish the release').publishRelease,
    dropWork: as('remove the work folder').dropWork,
  };
}
