import { proxyActivities } from '@temporalio/workflow';
import type { RollbackActivities } from '../../domain/contracts/rollback-activities.ts';
import { permanentReason } from '../runtime/activities.ts';

/** 15 s of pauses. The gateway is asked for ever, since nothing else can help; here another method can. */
const ATTEMPTS = 6;
const RETRY = {
  initialInterval: '500ms',
  backoffCoefficient: 2,
  maximumInterval: '10s',
  maximumAttempts: ATTEMPTS,
} as const;

/** A worker that dies is missed after so long. */
const HEARTBEAT = '5s';

/** The Deployment, as the workflow `rollback` calls it. A Deployment's pods take minutes. */
export function deploymentActivities(): RollbackActivities {
  const { deploymentRevision } = proxyActivities<RollbackActivities>({
    startToCloseTimeout: '30s',
    heartbeatTimeout: HEARTBEAT,
    retry: RETRY,
    summary: 'which revision runs',
  });
  const { undoDeployment } = proxyActivities<RollbackActivities>({
    startToCloseTimeout: '6m',
    heartbeatTimeout: HEARTBEAT,
    retry: RETRY,
    summary: 'undo the Deployment',
  });
  return {
    deploymentRevision: () => deploymentRevision().catch(givenUp),
    undoDeployment: (input) => undoDeployment(input).catch(givenUp),
  };
}

function givenUp(error: unknown): { readonly kind: 'refused'; readonly reason: string } {
  const reason = `given up after ${ATTEMPTS} attempts: ${permanentReason(error)}; the method release needs no cluster`;
  return { kind: 'refused', reason };
}
