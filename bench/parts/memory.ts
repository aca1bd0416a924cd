import { join } from 'node:path';
import { barChart } from '../chart.ts';
import { GATEWAY, RETRIEVER, plainPython, tunedPython } from '../http/services.ts';
import { startGenerator } from '../load/generator.ts';
import type { MemoryRow } from '../memory/measure.ts';
import { measureMemory } from '../memory/measure.ts';
import { printTable, whole } from '../table.ts';
import type { Target } from '../targets.ts';
import { printTargets } from '../targets.ts';
import type { PartOptions } from './part.ts';
import { settingOf, writeResults } from './part.ts';

const SUBJECTS = [
  { name: 'one lane', spec: RETRIEVER, count: 1 },
  { name: 'two lanes', spec: RETRIEVER, count: 2 },
  { name: 'gateway and one lane', spec: GATEWAY, count: 1 },
  { name: 'Python, FastAPI, 1 worker', spec: plainPython(1), count: 1 },
  { name: 'Python, FastAPI, 2 workers', spec: plainPython(2), count: 1 },
  { name: 'Python, tuned, 1 worker', spec: tunedPython(1), count: 1 },
  { name: 'Python, tuned, 2 workers', spec: tunedPython(2), count: 1 },
];
/** A lane may need so much more than its vectors as floats, and so many MB for all else. */
const SHARE = 1.35;
const REST_MB = 200;
const START_MS = 2_000;

/** Memory after some load, and the time from start to readiness. */
export async function runMemory(options: PartOptions): Promise<void> {
  const setting = await settingOf(options);
  const { set } = setting.release;
  const generator = startGenerator(join(set.dir, 'queries.npy'));
  options.onEnd(() => generator.close());
  const rows = await measureMemory(SUBJECTS, setting, generator, options.rounds);
  generator.close();
  const rawMb = (set.rows * set.dimension * 4) / 1e6;
  print(`${set.name} (${whole(rawMb)} MB of floats), after 1,200 searches; MB of 10^6 bytes`, rows);
  const targets = targetsOf(rows, rawMb);
  printTargets(targets);
  const bars = rows.map(({ subject, pssMb }) => ({
    group: subject,
    series: 'PSS',
    value: pssMb,
    text: `${whole(pssMb)} MB`,
  }));
  const charts = { memory: barChart(`Memory, ${set.name}`, bars) };
  await writeResults('memory', options, { set, rows, targets }, charts);
}

function print(title: string, rows: readonly MemoryRow[]): void {
  const cells = rows.map(({ subject, processes, pssMb, rssMb, startedInMs }) => [
    subject,
    whole(processes),
    whole(pssMb),
    whole(rssMb),
    (startedInMs / 1000).toFixed(2),
  ]);
  printTable(title, ['', 'processes', 'PSS', 'RSS', 'ready after s'], cells, 1);
}

function targetsOf(rows: readonly MemoryRow[], rawMb: number): Target[] {
  const lane = rows.find(({ subject }) => subject === 'one lane');
  return [
    {
      what: `memory (PSS) of a lane, ${SHARE} of the raw vectors + ${REST_MB} MB:`,
      limit: SHARE * rawMb + REST_MB,
      sense: 'at most',
      value: lane?.pssMb ?? null,
      unit: ' MB',
    },
    {
      what: `start of a lane to ready, ${whole(START_MS)} ms:`,
      limit: START_MS,
      sense: 'at most',
      value: lane?.startedInMs ?? null,
      unit: ' ms',
    },
  ];
}
