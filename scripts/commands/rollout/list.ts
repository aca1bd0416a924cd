import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { z } from 'zod';
import type { SearchAttribute } from '../../../domain/core/search-attributes.ts';
import { statusQuery } from '../../../workflows/runtime/messages.ts';
import { count } from '../../cli/options.ts';
import { command } from '../../cli/command.ts';
import { ANSWER_MS, withTemporal } from './temporal.ts';
import { formatTime } from './format-status.ts';

interface Listed {
  readonly workflowId: string;
  readonly runId: string;
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly candidate: string | null;
  /** An outcome, `running`, or how Temporal ended it. */
  readonly outcome: string;
  readonly stage: string | null;
}

export const list = command({
  example: '--limit 5',
  options: {
    service: { value: 'NAME', help: 'of this service alone', schema: z.string().min(1).optional() },
    limit: { value: 'N', help: 'at most so many', schema: count.default(20) },
  },
  run: ({ service, limit }) =>
    withTemporal(async (client) => {
      const rollouts = await listed(client, service ?? null, limit);
      return {
        passed: true,
        lines: rollouts.length === 0 ? ['none yet'] : rollouts.map(line),
        result: { rollouts },
      };
    }),
});

async function listed(client: Client, service: string | null, limit: number): Promise<Listed[]> {
  const found: WorkflowExecutionInfo[] = [];
  for await (const run of client.workflow.list({ query: 'WorkflowType = "rollout"', pageSize: 100 })) {
    if (service !== null && run.workflowId !== `rollout/${service}`) continue;
    found.push(run);
    if (found.length === limit) break;
  }
  return Promise.all(found.map((run) => describe(client, run)));
}

async function describe(client: Client, run: WorkflowExecutionInfo): Promise<Listed> {
  const attributes = run.typedSearchAttributes.getAll();
  const attribute = (name: SearchAttribute) => {
    const value = attributes.find(({ key }) => key.name === name)?.value;
    return typeof value === 'string' ? value : null;
  };
  const known = {
    candidate: attribute('RolloutCandidate'),
    outcome: attribute('RolloutOutcome'),
    stage: attribute('RolloutStage'),
  };
  const found = known.outcome === null ? await ask(client, run) : known;
  const word = run.status.name.toLowerCase();
  return {
    workflowId: run.workflowId,
    runId: run.runId,
    startedMs: run.startTime.getTime(),
    endedMs: run.closeTime?.getTime() ?? null,
    candidate: found.candidate,
    stage: found.stage,
    // Ended by force it never wrote its outcome.
    outcome:
      run.status.name === 'RUNNING' || run.status.name === 'COMPLETED' ? (found.outcome ?? word) : word,
  };
}

/** A namespace without our search attributes: the run itself is asked. */
async function ask(
  client: Client,
  { workflowId, runId, status }: WorkflowExecutionInfo,
): Promise<Pick<Listed, 'candidate' | 'stage'> & { outcome: string | null }> {
  const handle = client.workflow.getHandle(workflowId, runId);
  try {
    if (status.name === 'COMPLETED') {
      const { candidate, outcome }: { candidate: string; outcome: string } = await handle.result();
      return { candidate, outcome, stage: null };
    }
    const seen = await client.withDeadline(Date.now() + ANSWER_MS, () => handle.query(statusQuery));
    return { candidate: seen.candidate, outcome: seen.outcome, stage: seen.stage };
  } catch {
    return { candidate: null, outcome: null, stage: null };
  }
}

function line({ workflowId, startedMs, candidate, outcome, stage, runId }: Listed): string {
  const where = stage === null ? '' : ` at ${stage}`;
  return `${formatTime(startedMs)}  ${outcome.padEnd(20)} ${candidate ?? '?'}${where}  ${workflowId} ${runId}`;
}
