import { proxyActivities } from '@temporalio/workflow';
import type { RollbackActivities } from '../domain/rollback-contract.ts';

const RETRY = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' } as const;

/** The Deployment, as the workflow `rollback` calls it. A Deployment's pods take minutes. */
export function deploymentActivities(): RollbackActivities {
  const { deploymentRevision } = proxyActivities<RollbackActivities>({
    startToCloseTimeout: '30s',
    retry: RETRY,
    summary: 'which revision runs',
  });
  const { undoDeployment } = proxyActivities<RollbackActivities>({
    startToCloseTimeout: '6m',
    retry: RETRY,
    summary: 'undo the Deployment',
  });
  return { deploymentRevision, undoDeployment };
}
