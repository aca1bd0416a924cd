import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../platform/node-command.ts';

/** A word that says what kind of thing a name is, and the name: `activity preflight`. */
export interface Named {
  readonly kind: string;
  readonly name: string;
}

/** One line of the runbook: what does it, and the test files that prove it, by titles that begin with `[key]`. */
export interface Row {
  readonly key: string;
  readonly line: string;
  readonly doneBy: readonly Named[];
  readonly provenBy: readonly string[];
}

/** The rows of docs/runbook.md's tables. */
export function runbookRows(): Row[] {
  return readRows(readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8'));
}

/** The rows of all tables in a text whose cells are key | line | done by | proven by. */
export function readRows(markdown: string): Row[] {
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (---|key) /.test(line))
    .map((line) => readRow(line.split(/(?<!\\)\|/).map((cell) => cell.trim())));
}

function readRow([, key = '', line = '', doneBy = '', provenBy = '']: readonly string[]): Row {
  const quoted = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
  return {
    key,
    line,
    doneBy: quoted(doneBy).map((text) => {
      const [kind = '', ...name] = text.split(' ');
      return { kind, name: name.join(' ') };
    }),
    provenBy: quoted(provenBy),
  };
}
