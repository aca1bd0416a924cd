import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { parse } from 'yaml';
import { METRICS } from '../../domain/metrics/registry.ts';
import { REMEDIATION_STEPS } from '../../domain/plan/plan.ts';
import { MESSAGES } from '../../domain/rollout/operator-message.ts';
import { ROOT } from '../../platform/node-command.ts';
import type { CommandGroup, LazyCommand } from '../../scripts/cli/command.ts';
import { commands } from '../../scripts/commands/tree.ts';
import * as workflows from '../../workflows/index.ts';
import type { Named, Row } from './runbook-table.ts';

const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** Paths of the files under a folder that end so. */
function filesOf(folder: string, ending = '.ts'): string[] {
  const names = existsSync(join(ROOT, folder)) ? readdirSync(join(ROOT, folder), { recursive: true }) : [];
  return names.map((name) => `${folder}/${String(name)}`).filter((path) => path.endsWith(ending));
}

/** Whether one of the sources holds the text in quotes, or at the beginning of a template. */
function quoted(paths: readonly string[], name: string): boolean {
  const spellings = [`'${name}'`, `"${name}"`, `\`${name}\``, `\`${name} \${`];
  return paths.some((path) => spellings.some((spelling) => text(path).includes(spelling)));
}

/** Methods of the interfaces `…Activities` in domain/. */
function activityNames(): Set<string> {
  const found = new Set<string>();
  const look = (node: ts.Node): void => {
    if (ts.isInterfaceDeclaration(node) && node.name.text.endsWith('Activities'))
      for (const { name } of node.members)
        if (name !== undefined && ts.isIdentifier(name)) found.add(name.text);
    ts.forEachChild(node, look);
  };
  for (const path of filesOf('domain')) look(ts.createSourceFile(path, text(path), ts.ScriptTarget.Latest));
  return found;
}

/** Names that a Prometheus server finds: those of the gateway, of the lanes and of the worker. */
function metricNames(): Set<string> {
  const sources = [
    ...filesOf('serving'),
    ...filesOf('activities'),
    ...filesOf('worker'),
    'domain/metrics/snapshot.ts',
  ];
  const declared = sources.flatMap(
    (path) => text(path).match(/(?<=')(gateway|retriever|rollout)_[a-z0-9_]+(?=')/g) ?? [],
  );
  return new Set<string>([...METRICS, ...declared]);
}

/** Names of the rules in plans/alerts*, whatever lists they stand in. */
function alertNames(): Set<string> {
  const found = new Set<string>();
  const look = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(look);
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) {
        if ((key === 'name' || key === 'alert') && typeof inner === 'string') found.add(inner);
        else look(inner);
      }
  };
  for (const path of filesOf('plans', '.yaml').filter((file) => file.includes('alert')))
    look(parse(text(path)));
  return found;
}

function triggerNames(): Set<string> {
  const { guard }: { guard: { triggers: { name: string }[] } } = parse(text('plans/runbook-48h.yaml'));
  return new Set(guard.triggers.map(({ name }) => name));
}

/** A command or a group of `retriever`, the emergency's script, or a script of package.json (`npm run …`). */
function isCommand(name: string): boolean {
  if (name.startsWith('npm ')) {
    const { scripts }: { scripts: Record<string, string> } = JSON.parse(text('package.json'));
    return name.replace(/^npm (run )?/, '') in scripts;
  }
  if (name === 'rollback_retriever.sh') return existsSync(join(ROOT, 'scripts', name));
  return nodeOf(name) !== null;
}

/** The command or the group of `retriever` that these words name; null where there is none. */
function nodeOf(words: string): CommandGroup | LazyCommand | null {
  return words
    .split(' ')
    .reduce<CommandGroup | LazyCommand | null>(
      (node, word) => (node !== null && 'commands' in node ? (node.commands[word] ?? null) : null),
      commands,
    );
}

const lazily = (make: () => ReadonlySet<string>) => {
  let known: ReadonlySet<string> | null = null;
  return (name: string) => (known ??= make()).has(name);
};

const CONFIGS = ['serving/gateway/config.ts', 'worker/config.ts'];

/** Whether a thing of that kind and name exists. */
const EXISTS: Readonly<Record<string, (name: string) => boolean>> = {
  workflow: (name) => name in workflows,
  activity: lazily(activityNames),
  metric: lazily(metricNames),
  alert: lazily(alertNames),
  trigger: lazily(triggerNames),
  command: isCommand,
  signal: lazily(() => new Set(MESSAGES)),
  /** A step of the ladder. */
  step: lazily(() => new Set(REMEDIATION_STEPS)),
  /** A row of pre-flight. */
  check: (name) => quoted([...filesOf('activities'), 'retrieval/smoke.ts'], name),
  /** A variable of the gateway's or the worker's environment. */
  flag: (name) =>
    /^[A-Z_]+$/.test(name) && CONFIGS.some((path) => new RegExp(`\\b${name}\\b`).test(text(path))),
  /** A path of the gateway. */
  route: (name) => quoted(filesOf('serving/gateway'), name),
  file: (name) => existsSync(join(ROOT, name)),
  /** A paragraph of docs/decisions.md that begins so. */
  decision: (name) => text('docs/decisions.md').includes(`**${name}`),
};

/** Why a row's name is wrong, in words; null where the thing exists. */
export function missingName({ kind, name }: Named): string | null {
  const exists = EXISTS[kind];
  if (exists === undefined) return `"${kind}" is no kind of thing: ${Object.keys(EXISTS).join(', ')}`;
  return exists(name) ? null : `there is no ${kind} "${name}"`;
}

/** The keys that titles of a test file carry: two for `'[P1.1, A3] refuses …'`. */
function keysIn(file: string): string[] {
  const titles = text(file).matchAll(/['"`]\[([A-Z]\d[^\]]*)\] /g);
  return [...titles].flatMap(([, keys = '']) => keys.split(', '));
}

/** Why a row's test file is wrong, in words; null where a title in it carries the row's key. */
export function missingProof(key: string, file: string): string | null {
  if (!/^test\/.*\.test\.ts$/.test(file)) return `"${file}" is no test file`;
  if (!existsSync(join(ROOT, file))) return `there is no ${file}`;
  return keysIn(file).includes(key) ? null : `${file} has no test whose title begins with [${key}]`;
}

/** Titles that carry a key whose row does not name their file, as `file [key]`. */
export function strayKeys(rows: readonly Row[]): string[] {
  const proofs = new Set(rows.flatMap(({ key, provenBy }) => provenBy.map((file) => `${file} [${key}]`)));
  return filesOf('test', '.test.ts')
    .flatMap((file) => keysIn(file).map((key) => `${file} [${key}]`))
    .filter((proof) => !proofs.has(proof));
}

/** The row's metrics of /metrics that none of its tests names: a metric is proven by a test that reads it. */
export function unread({ doneBy, provenBy }: Row): string[] {
  const proofs = provenBy.map(text);
  return doneBy
    .filter(({ kind, name }) => kind === 'metric' && /^(gateway|retriever|rollout)_/.test(name))
    .map(({ name }) => name)
    .filter((name) => !proofs.some((proof) => proof.includes(name)));
}
