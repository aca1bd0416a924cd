import { NAME_RULE, isName } from '../core/name.ts';
import type { ExperimentMetric } from './effect.ts';
import { EXPERIMENT_METRICS } from './effect.ts';

/** Input of the workflow `rerankerExperiment`, with its defaults filled in. */
export interface ExperimentInput {
  readonly service: string;
  /** Salt of the arms and name of the report. */
  readonly name: string;
  /** Share of the users without reranker, in percent. */
  readonly offPercent: number;
  /** What decides. */
  readonly metric: ExperimentMetric;
  /** Least lift worth having, in points. */
  readonly detectPoints: number;
  /** It ends by then, whatever is known. */
  readonly maxHours: number;
  /** How long the traffic is looked at before the sample is planned. */
  readonly lookMinutes: number;
}

/** The runbook's slice is 10 %, its expected lift 3 to 5 points, its time a week. */
const DEFAULTS: ExperimentInput = {
  service: 'retriever',
  name: 'reranker',
  offPercent: 10,
  metric: 'mrr',
  detectPoints: 3,
  maxHours: 168,
  lookMinutes: 10,
};
const NUMBERS = {
  offPercent: { over: 0, upTo: 50 },
  detectPoints: { over: 0, upTo: 50 },
  maxHours: { over: 0, upTo: 24 * 30 },
  lookMinutes: { over: 0, upTo: 24 * 60 },
} as const;

/** The input, or every problem with it by field. */
export function readExperimentInput(
  raw: unknown,
): { readonly input: ExperimentInput } | { readonly problems: readonly string[] } {
  const given = raw ?? {};
  if (typeof given !== 'object' || Array.isArray(given))
    return { problems: ['the input must be an object like {"offPercent":10}'] };
  const input: Record<string, unknown> = { ...DEFAULTS, ...given };
  const fields = Object.keys(DEFAULTS);
  const problems = Object.keys(input)
    .filter((name) => !fields.includes(name))
    .map((name) => `${name}: unknown field; there are ${fields.join(', ')}`);
  for (const field of ['service', 'name'])
    if (!isName(input[field])) problems.push(`${field}: ${NAME_RULE}, not ${JSON.stringify(input[field])}`);
  if (!EXPERIMENT_METRICS.some((metric) => metric === input['metric']))
    problems.push(`metric: must be one of ${EXPERIMENT_METRICS.join(', ')}`);
  for (const [field, { over, upTo }] of Object.entries(NUMBERS)) {
    const value = input[field];
    if (typeof value !== 'number' || !(value > over && value <= upTo))
      problems.push(
        `${field}: must be a number over ${over} and up to ${upTo}, not ${JSON.stringify(value)}`,
      );
  }
  return problems.length > 0 ? { problems } : { input: input as unknown as ExperimentInput };
}
