import { statSync } from 'node:fs';
import { z } from 'zod';
import { metricChanges } from '../../../domain/evaluation/compare-metrics.ts';
import { readJson } from '../../../platform/json-file.ts';
import { existing } from '../../cli/options.ts';
import { command } from '../../cli/command.ts';

const object = z.record(z.string(), z.unknown());

const metricsFile = existing.refine((path) => !statSync(path).isDirectory(), {
  error: ({ input }) => `${String(input)} is a folder; give its metrics.json`,
});

/** The metrics of a file; an evaluation of a live lane has them under `metrics`. */
async function readMetrics(file: string): Promise<Record<string, unknown>> {
  const read = object.safeParse(await readJson(file));
  if (!read.success) throw new Error(`${file} holds no object`);
  return object.safeParse(read.data['metrics']).data ?? read.data;
}

export const compare = command({
  example:
    '--before artifacts/releases/v-1/metrics.json --after artifacts/releases/retriever_v0/metrics.json',
  options: {
    before: { value: 'FILE', help: 'metrics.json, or an evaluation, of before', schema: metricsFile },
    after: { value: 'FILE', help: 'the same of after', schema: metricsFile },
  },
  async run({ before, after }) {
    const changes = metricChanges(await readMetrics(before), await readMetrics(after));
    const number = (value: number | null) => (value === null ? 'missing' : value.toFixed(4));
    return {
      passed: changes.every(({ verdict }) => verdict === 'pass'),
      lines: changes.map(
        ({ metric, points, verdict, reason, ...row }) =>
          `${metric.padEnd(14)} ${number(row.before)} -> ${number(row.after)}  ${points === null ? '' : `${points.toFixed(1)} points, `}${verdict}: ${reason}`,
      ),
      result: { changes },
    };
  },
});
