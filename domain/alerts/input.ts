import { NAME_RULE, isName } from '../core/name.ts';
import { workflowIdOf } from '../core/workflow-identity.ts';

/** Input of the workflow `monitor`, with its defaults filled in. */
export interface MonitorInput {
  readonly service: string;
  /** Name of a file in plans/alerts. */
  readonly rules: string;
}

/** The alert rules that ship. */
export const DEFAULT_RULES = 'runbook';
const DEFAULTS: Readonly<Record<string, unknown>> = { service: 'retriever', rules: DEFAULT_RULES };
const FIELDS = Object.keys(DEFAULTS);

/** The one workflow that watches a service. */
export function monitorId(service: string): string {
  return workflowIdOf('monitor', service);
}

/** What a person types to start it; where it runs already, it goes on. */
export function monitorCommand(service: string, taskQueue: string): string {
  const input = service === DEFAULTS['service'] ? '' : ` --input '${JSON.stringify({ service })}'`;
  return `temporal workflow start --task-queue ${taskQueue} --type monitor --workflow-id ${monitorId(service)} --id-conflict-policy UseExisting${input}`;
}

/** The input, or every problem with it by field. No input at all is one of defaults. */
export function readMonitorInput(
  raw: unknown,
): { readonly input: MonitorInput } | { readonly problems: readonly string[] } {
  if (typeof raw !== 'object' || Array.isArray(raw))
    return raw === undefined
      ? readMonitorInput({})
      : { problems: ['the input must be an object like {"service":"retriever","rules":"runbook"}'] };
  const given: Readonly<Record<string, unknown>> = { ...DEFAULTS, ...raw };
  const problems = Object.entries(given).flatMap(([name, value]) => {
    if (!FIELDS.includes(name)) return [`${name}: unknown field; there are ${FIELDS.join(', ')}`];
    return isName(value) ? [] : [`${name}: ${NAME_RULE}, not ${JSON.stringify(value)}`];
  });
  if (problems.length > 0) return { problems };
  return { input: { service: String(given['service']), rules: String(given['rules']) } };
}
