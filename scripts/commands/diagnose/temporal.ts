import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { request } from 'undici';
import { monitorCommand, monitorId } from '../../../domain/alerts/input.ts';
import { longTaskQueue } from '../../../domain/core/task-queues.ts';
import { statusQuery } from '../../../workflows/runtime/messages.ts';
import { ANSWER_MS, taskQueue, withTemporal } from '../rollout/temporal.ts';
import { setting } from '../../cli/settings.ts';
import type { Finding } from './finding.ts';
import { note, ok, skipped, wordsOf, wrong } from './finding.ts';

/** temporal.api.enums.v1.TaskQueueType */
const QUEUE_TYPES = { workflow: 1, activity: 2 } as const;
/** A worker's poll lasts a minute at the most. */
const POLLED_WITHIN_MS = 70_000;
/** A task or activity that was tried so often does not get through. */
const MANY_ATTEMPTS = 3;
const START_WORKER = 'start a worker (npm start, or node worker/main) and look at its log';

/** Temporal, the workers behind both task queues, and the workflows that run. */
export async function temporalFindings(): Promise<Finding[]> {
  return [await processFinding(), ...(await serverFindings())];
}

/** A worker that died a moment ago is still on Temporal's list of those who poll; its own port is not there any more. */
async function processFinding(): Promise<Finding> {
  const part = 'worker process';
  const port = setting('WORKER_HEALTH_PORT');
  const url = setting('WORKER_HEALTH_URL') ?? `http://127.0.0.1:${port}/health`;
  try {
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(5_000) });
    const says = `${url} answers ${statusCode}: ${(await body.text()).slice(0, 500)}`;
    return statusCode === 200
      ? ok(part, says)
      : wrong(
          part,
          says,
          'it ends by itself where a worker failed; look at its log, and whether it is started again',
        );
  } catch (error) {
    return wrong(
      part,
      `${url}: ${wordsOf(error)}`,
      `${START_WORKER}; where it runs elsewhere, set WORKER_HEALTH_URL`,
    );
  }
}

async function serverFindings(): Promise<Finding[]> {
  try {
    return await withTemporal(async (client) => [
      ok('Temporal', `answers, namespace ${client.options.namespace}`),
      ...(await guarded('worker', () => workerFindings(client))),
      ...(await guarded('monitor', () => monitorFindings(client))),
      ...(await guarded('workflows', () => workflowFindings(client))),
    ]);
  } catch (error) {
    return [
      wrong(
        'Temporal',
        wordsOf(error),
        'users are not touched; start it: what runs goes on from its database. A share below 100 % goes back by the lease',
      ),
      skipped('worker', 'not known without Temporal'),
      skipped('monitor', 'not known without Temporal'),
      skipped('workflows', 'not known without Temporal'),
    ];
  }
}

async function guarded(part: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    return [
      wrong(part, wordsOf(error), "look at Temporal's log, and whether the namespace is the right one"),
    ];
  }
}

async function workerFindings(client: Client): Promise<Finding[]> {
  const short = taskQueue();
  const polled = [
    { queue: short, type: 'workflow' },
    { queue: short, type: 'activity' },
    { queue: longTaskQueue(short), type: 'activity' },
  ] as const;
  return Promise.all(
    polled.map(async ({ queue, type }) => {
      const agoMs = await polledAgoMs(client, queue, QUEUE_TYPES[type]);
      const part = `worker (${queue}, ${type})`;
      return agoMs !== null && agoMs <= POLLED_WITHIN_MS
        ? ok(part, `polled ${Math.round(agoMs / 1000)} s ago`)
        : wrong(
            part,
            agoMs === null ? 'nobody polls' : `last polled ${Math.round(agoMs / 1000)} s ago`,
            START_WORKER,
          );
    }),
  );
}

async function polledAgoMs(client: Client, name: string, taskQueueType: number): Promise<number | null> {
  const { namespace } = client.options;
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name },
    taskQueueType,
  });
  const seen = (pollers ?? []).map(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1000);
  return seen.length === 0 ? null : Math.max(0, Date.now() - Math.max(...seen));
}

/** It is a workflow like others, but one that is missed only when somebody should have been paged. */
async function monitorFindings(client: Client): Promise<Finding[]> {
  const service = setting('SERVICE');
  const workflowId = monitorId(service);
  const state = await client.workflow
    .getHandle(workflowId)
    .describe()
    .then(({ status }) => status.name)
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    });
  if (state === 'RUNNING') return [ok('monitor', `${workflowId} watches the alert rules`)];
  return [
    wrong(
      'monitor',
      `${workflowId} ${state === null ? 'was never started' : `is ${state}`}: nobody watches the alert rules`,
      `start it: ${monitorCommand(service, taskQueue())}`,
    ),
  ];
}

async function workflowFindings(client: Client): Promise<Finding[]> {
  const running: WorkflowExecutionInfo[] = [];
  for await (const run of client.workflow.list({ query: 'ExecutionStatus = "Running"' })) running.push(run);
  const findings = await Promise.all(running.map((run) => workflowFinding(client, run)));
  return findings.length === 0 ? [ok('workflows', 'none is under way')] : findings;
}

async function workflowFinding(client: Client, run: WorkflowExecutionInfo): Promise<Finding> {
  const { workflowId, runId, type } = run;
  const handle = client.workflow.getHandle(workflowId, runId);
  const { raw } = await handle.describe();
  const attempts = raw.pendingWorkflowTask?.attempt ?? 1;
  if (attempts > MANY_ATTEMPTS)
    return wrong(
      workflowId,
      `its task has failed ${attempts - 1} times: it does not go on`,
      "read the failure in the web UI; it goes on by itself once a worker with mended code runs. 'rollback' is not heard meanwhile: bash scripts/rollback_retriever.sh RELEASE",
    );
  const stuck = raw.pendingActivities?.find((activity) => (activity.attempt ?? 1) > MANY_ATTEMPTS);
  if (stuck !== undefined)
    return wrong(
      workflowId,
      `${stuck.activityType?.name} was tried ${stuck.attempt} times: ${stuck.lastFailure?.message ?? 'no worker takes it'}`,
      'mend what it says; it is tried on by itself',
    );
  return type === 'rollout' ? rolloutFinding(client, run) : ok(workflowId, `${type} runs`);
}

async function rolloutFinding(
  client: Client,
  { workflowId, runId }: WorkflowExecutionInfo,
): Promise<Finding> {
  const handle = client.workflow.getHandle(workflowId, runId);
  try {
    const status = await client.withDeadline(Date.now() + ANSWER_MS, () => handle.query(statusQuery));
    const says = `${status.candidate}: ${status.state}, ${status.percent} % of users; ${status.reason}`;
    if (status.state === 'held')
      return wrong(
        workflowId,
        says,
        'docs/operations.md says what each hold asks for: resume, approve or rollback',
      );
    return status.state === 'paused'
      ? note(workflowId, says, 'rollout resume lets it go on')
      : ok(workflowId, says);
  } catch (error) {
    return wrong(workflowId, `does not answer: ${wordsOf(error)}`, START_WORKER);
  }
}
