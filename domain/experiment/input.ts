import type { InputResult } from '../core/input-reader.ts';
import { aName, numberIn, oneOf, readFields } from '../core/input-reader.ts';
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

/** The input, or every problem with it by field. */
export function readExperimentInput(raw: unknown): InputResult<ExperimentInput> {
  const about = { fields: Object.keys(DEFAULTS), example: '{"offPercent":10}' };
  return readFields(raw, about, (field) => ({
    service: field('service', aName, DEFAULTS.service),
    name: field('name', aName, DEFAULTS.name),
    offPercent: field('offPercent', numberIn(0, 50), DEFAULTS.offPercent),
    metric: field('metric', oneOf(...EXPERIMENT_METRICS), DEFAULTS.metric),
    detectPoints: field('detectPoints', numberIn(0, 50), DEFAULTS.detectPoints),
    maxHours: field('maxHours', numberIn(0, 24 * 30), DEFAULTS.maxHours),
    lookMinutes: field('lookMinutes', numberIn(0, 24 * 60), DEFAULTS.lookMinutes),
  }));
}
