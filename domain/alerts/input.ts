import type { InputResult } from '../core/input-reader.ts';
import { aName, readFields } from '../core/input-reader.ts';
import { workflowIdOf } from '../core/workflow-identity.ts';

/** Input of the workflow `monitor`, with its defaults filled in. */
export interface MonitorInput {
  readonly service: string;
  /** Name of a file in plans/alerts. */
  readonly rules: string;
}

/** The alert rules that ship. */
export const DEFAULT_RULES = 'runbook';
const DEFAULT_SERVICE = 'retriever';

/** The one workflow that watches a service. */
export function monitorId(service: string): string {
  return workflowIdOf('monitor', service);
}

/** What a person types to start it; where it runs already, it goes on. */
export function monitorCommand(service: string, taskQueue: string): string {
  const input = service === DEFAULT_SERVICE ? '' : ` --input '${JSON.stringify({ service })}'`;
  return `temporal workflow start --task-queue ${taskQueue} --type monitor --workflow-id ${monitorId(service)} --id-conflict-policy UseExisting${input}`;
}

/** The input, or every problem with it by field. No input at all is one of defaults. */
export function readMonitorInput(raw: unknown): InputResult<MonitorInput> {
  const about = { fields: ['service', 'rules'], example: '{"service":"retriever","rules":"runbook"}' };
  return readFields(raw, about, (field) => ({
    service: field('service', aName, DEFAULT_SERVICE),
    rules: field('rules', aName, DEFAULT_RULES),
  }));
}
