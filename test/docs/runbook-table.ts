import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../devstack/process.ts';

/** A word that says what kind of thing a name is, and the name: `activity preflight`. */
export interface Named {
  readonly kind: string;
  readonly name: string;
}

export interface Proof {
  readonly file: string;
  readonly title: string | null;
}

/** One line of the runbook: what does it, and which tests prove it. */
export interface Row {
  readonly key: string;
  readonly line: string;
  readonly doneBy: readonly Named[];
  readonly provenBy: readonly Proof[];
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
  const quoted = [...doneBy.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
  const proofs = [...provenBy.matchAll(/`([^`]+)`(?: “([^”]+)”)?/g)];
  return {
    key,
    line,
    doneBy: quoted.map((text) => {
      const [kind = '', ...name] = text.split(' ');
      return { kind, name: name.join(' ') };
    }),
    provenBy: proofs.map(([, file = '', title]) => ({ file, title: title ?? null })),
  };
}
