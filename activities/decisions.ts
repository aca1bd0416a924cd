import { createHash } from 'node:crypto';
import { mkdir, open, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { RolloutActivities } from '../domain/contract.ts';
import type { DecisionLine } from '../domain/decision-chain.ts';
import { NO_LINE, lineOf } from '../domain/decision-chain.ts';
import type { DecisionRecord } from '../domain/decision-record.ts';
import { linesOf } from '../retrieval/text/lines.ts';

/**
 * Appends to `<artifactsDir>/decisions/<candidate>.jsonl`, beside the releases, which are immutable. A record that is
 * there already is not written again. Calls wait for each other: each line names the hash of the one before.
 */
export function createDecisions(artifactsDir: string): Pick<RolloutActivities, 'record'> {
  const folder = join(artifactsDir, 'decisions');
  let last: Promise<void> = Promise.resolve();
  return {
    async record({ candidate, records }) {
      const written = last.then(() => append(folder, join(folder, `${candidate}.jsonl`), records));
      last = written.catch(() => {});
      return written;
    },
  };
}

async function append(folder: string, file: string, records: readonly DecisionRecord[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const lines = await wholeLines(file);
  const there = new Set(lines.map(({ record }) => keyOf(record)));
  let prev = lines.at(-1)?.hash ?? NO_LINE;
  const fresh = records
    .filter((record) => !there.has(keyOf(record)))
    .map((record) => {
      const line = lineOf(record, prev, sha256);
      prev = line.hash;
      return `${JSON.stringify(line)}\n`;
    });
  if (fresh.length === 0) return;
  const handle = await open(file, 'a');
  try {
    await handle.writeFile(fresh.join(''));
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** The lines so far. Half a line, of a worker that died while it wrote, is cut off: its call comes again. */
async function wholeLines(file: string): Promise<DecisionLine[]> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  const end = bytes.lastIndexOf('\n') + 1;
  if (end < bytes.length) await truncate(file, end);
  return Array.from(linesOf(bytes.subarray(0, end), file), (line) => line.json() as DecisionLine);
}

function keyOf({ runId, number }: DecisionRecord): string {
  return `${runId}/${number}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
