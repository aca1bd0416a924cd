import type { Row } from './search.ts';

const HEAD = ['', 'engine', 'p50', 'p95', 'p99', 'queries/s', 'of faiss-cpu', 'other ids'];

/** Prints the rows; the first cell of a group of the same measurement names it once. */
export function printTable(title: string, rows: readonly Row[]): void {
  const cells = rows.map(({ what, engine, p50, p95, p99, qps, ratio, differing }, i) => [
    rows[i - 1]?.what === what ? '' : what,
    engine,
    p50.toFixed(3),
    p95.toFixed(3),
    p99.toFixed(3),
    Math.round(qps).toLocaleString('en'),
    ratio.toFixed(2),
    String(differing),
  ]);
  const widths = HEAD.map((head, column) =>
    Math.max(...[HEAD, ...cells].map((row) => row[column]?.length ?? 0), head.length),
  );
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  console.log(`\n${title}\n${line(HEAD)}`);
  for (const row of cells) console.log(line(row));
}
