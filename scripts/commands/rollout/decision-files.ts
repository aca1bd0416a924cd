import { createHash } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DecisionLine } from '../../../domain/audit/hash-chain.ts';
import { linesOf } from '../../../platform/text/lines.ts';
import { artifactsFolder } from '../../cli/paths.ts';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Where the worker of this environment writes decision records. */
export function decisionsFolder(): string {
  return join(artifactsFolder(), 'decisions');
}

/** The log that was written to last; null where there is none. */
export async function newestDecisions(folder: string): Promise<string | null> {
  const names = await readdir(folder).catch((): string[] => []);
  const files = names.filter((name) => name.endsWith('.jsonl')).map((name) => join(folder, name));
  const dated = await Promise.all(files.map(async (file) => ({ file, ms: (await stat(file)).mtimeMs })));
  return dated.toSorted((a, b) => b.ms - a.ms)[0]?.file ?? null;
}

/** @throws Error naming file and line */
export async function readDecisions(file: string): Promise<DecisionLine[]> {
  const lines = Array.from(linesOf(await readFile(file), file));
  return lines.filter((line) => !line.isBlank).map((line) => line.json() as DecisionLine);
}
