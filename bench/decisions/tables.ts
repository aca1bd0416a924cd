import { wilson } from '../../domain/statistics/proportion.ts';
import type { Class } from './world/kind.ts';
import { CLASSES } from './world/kind.ts';
import { KINDS } from './world/kinds.ts';
import type { Run } from './world/run.ts';

/** Two-sided 95 %. */
const Z = 1.96;

/** All tables in lines; what was held out stands apart. */
export function tables(runs: readonly Run[]): string[] {
  const tuned = runs.filter(({ heldOut }) => !heldOut);
  const heldOut = runs.filter((run) => run.heldOut);
  return [
    ...classTable('All kinds and seeds', runs),
    ...(tuned.length === 0 || heldOut.length === 0
      ? []
      : [...classTable('To choose constants on', tuned), ...classTable('Hold-out', heldOut)]),
    ...kindTable(runs),
  ];
}

function classTable(title: string, runs: readonly Run[]): string[] {
  const present = CLASSES.filter((name) => runs.some((run) => run.class === name));
  return [
    '',
    `**${title}**: ${runs.length} runs${formatJ(runs)}`,
    '',
    '| class | runs | shipped % | held % | rolled back % | degraded % |',
    '| --- | --- | --- | --- | --- | --- |',
    ...present.map((name) => {
      const of = runs.filter((run) => run.class === name);
      const ends = ['shipped', 'held', 'rolledBack'].map((end) => interval(of, (run) => run.end === end));
      return `| ${[name, of.length, ...ends, interval(of, ({ degraded }) => degraded)].join(' | ')} |`;
    }),
  ];
}

function kindTable(runs: readonly Run[]): string[] {
  const rows = KINDS.flatMap(({ name, class: of }) => {
    const own = runs.filter(({ kind }) => kind === name);
    if (own.length === 0) return [];
    const ends = ['shipped', 'held', 'rolledBack'].map((end) => own.filter((run) => run.end === end).length);
    const minutes = median(
      own.flatMap((run) => (run.end === 'rolledBack' && run.minutes !== null ? [run.minutes] : [])),
    );
    return [
      `| ${[of, name, ...ends, minutes?.toFixed(0) ?? '', median(own.map(({ harmed }) => harmed)) ?? ''].join(' | ')} |`,
    ];
  });
  return [
    '',
    '**By kind**: runs; median minutes from the fault to users off it; median requests that failed or took over 10 ms',
    '',
    '| class | kind | shipped | held | rolled back | minutes | harmed |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ];
}

/** Good shipped minus bad shipped, in points; nothing where one of both was not run. */
function formatJ(runs: readonly Run[]): string {
  const has = (name: Class) => runs.some((run) => run.class === name);
  if (!has('good') || !has('bad')) return '';
  const j = share(runs, 'good', 'shipped') - share(runs, 'bad', 'shipped');
  return `; J = good shipped - bad shipped = ${(100 * j).toFixed(0)}`;
}

/** How often runs of a class end so. */
function share(runs: readonly Run[], name: Class, end: string): number {
  const of = runs.filter((run) => run.class === name);
  return of.filter((run) => run.end === end).length / Math.max(1, of.length);
}

function interval(runs: readonly Run[], is: (run: Run) => boolean): string {
  const hits = runs.filter(is).length;
  const { low, high } = wilson(hits, runs.length, Z);
  const percent = (of: number) => (100 * of).toFixed(0);
  return `${percent(hits / runs.length)} (${percent(low)}–${percent(high)})`;
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
