import { Client, Connection } from '@temporalio/client';
import { monitorId } from '../domain/alerts/input.ts';

/** Starts the embedded stack's monitor, which watches the alert rules for ever; where it runs already, it goes on. */
export async function startMonitor(
  temporalAddress: string,
  { service, taskQueue }: { readonly service: string; readonly taskQueue: string },
): Promise<void> {
  const connection = await Connection.connect({ address: temporalAddress });
  try {
    await new Client({ connection }).workflow.start('monitor', {
      workflowId: monitorId(service),
      taskQueue,
      args: [{ service }],
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: 'watches the alert rules',
    });
  } finally {
    await connection.close();
  }
}
