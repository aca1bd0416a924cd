import { Client, Connection } from '@temporalio/client';
import { monitorId } from '../../domain/monitor-input.ts';
import { TASK_QUEUE } from '../../domain/queues.ts';

const SERVICE = 'retriever';

/** Starts the embedded stack's monitor, which watches the alert rules for ever; where it runs already, it goes on. */
export async function startMonitor(temporalAddress: string): Promise<void> {
  const connection = await Connection.connect({ address: temporalAddress });
  try {
    await new Client({ connection }).workflow.start('monitor', {
      workflowId: monitorId(SERVICE),
      taskQueue: TASK_QUEUE,
      args: [{ service: SERVICE }],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: 'watches the alert rules',
    });
  } finally {
    await connection.close();
  }
}
