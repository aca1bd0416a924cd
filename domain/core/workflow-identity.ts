import { isName } from './name.ts';

/** A workflow, by its id and the run id of its first execution: the same after a reset and after continue-as-new. */
export interface WorkflowIdentity {
  readonly workflowId: string;
  readonly runId: string;
}

/** Workflows of which each service has one. */
type ServiceWorkflow = 'rollout' | 'rollback' | 'monitor';

/** The id of a service's only workflow of that type. */
export function workflowIdOf(type: ServiceWorkflow, service: string): string {
  return `${type}/${service}`;
}

/** The service that an id of that type names; null for an id of another shape. */
export function serviceOf(type: ServiceWorkflow, workflowId: string): string | null {
  const prefix = workflowIdOf(type, '');
  const service = workflowId.startsWith(prefix) ? workflowId.slice(prefix.length) : null;
  return isName(service) ? service : null;
}

/** The name under which a workflow holds the gateway's fence. */
export function ownerOf({ workflowId, runId }: WorkflowIdentity): string {
  return `${workflowId}/${runId}`;
}

/** The workflow that holds the fence under that name; null where an operator or nobody does. */
export function holderOf(owner: string): WorkflowIdentity | null {
  const cut = owner.lastIndexOf('/');
  const runId = owner.slice(cut + 1);
  return cut <= 0 || runId === '' ? null : { workflowId: owner.slice(0, cut), runId };
}
