import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { DecisionLine } from '../../domain/audit/hash-chain.ts';
import { NO_LINE, lineOf } from '../../domain/audit/hash-chain.ts';
import type { DecisionRecord } from '../../domain/rollout/decision-record.ts';
import { appendSynced, cutTornLine, readLog } from '../../platform/append-log.ts';

/** A log as it was left: of a file of another size, a second worker has written it, or a hand. */
interface Left {
  readonly bytes: number;
  readonly prev: string;
  readonly keys: Set<string>;
}

/**
 * Appends to `<artifactsDir>/decisions/<candidate>.jsonl`, beside the releases, which are immutable. A record that is
 * there already is not written again. Calls wait for each other: each line names the hash of the one before. The file is read
 * once, and again only where somebody else has changed it.
 */
export function createDecisions(artifactsDir: string): Pick<RolloutActivities, 'record'> {
  const folder = join(artifactsDir, 'decisions');
  const logs = new Map<string, Left>();
  let last: Promise<void> = Promise.resolve();

  async function append(file: string, records: readonly DecisionRecord[]): Promise<void> {
    const known = logs.get(file);
    const left = known !== undefined && known.bytes === (await sizeOf(file)) ? known : await read(file);
    // Until the write is whole nothing is known of the file.
    logs.delete(file);
    logs.set(file, await write(file, left, records));
  }

  return {
    async record({ candidate, records }) {
      const written = last.then(() => append(join(folder, `${candidate}.jsonl`), records));
      last = written.catch(() => {});
      return written;
    },
  };
}

async function write(file: string, left: Left, records: readonly DecisionRecord[]): Promise<Left> {
  const { keys } = left;
  let { prev } = left;
  const fresh: string[] = [];
  for (const record of records) {
    if (keys.has(keyOf(record))) continue;
    const line = lineOf(record, prev, sha256);
    prev = line.hash;
    keys.add(keyOf(record));
    fresh.push(`${JSON.stringify(line)}\n`);
  }
  if (fresh.length === 0) return left;
  return { bytes: left.bytes + (await appendSynced(file, fresh.join(''))), prev, keys };
}

/** The lines so far. Half a line, of a worker that died while it wrote, is cut off: its call comes again. */
async function read(file: string): Promise<Left> {
  const text = await readLog(file);
  await cutTornLine(file, text);
  const lines = text.lines.map((line) => line.json() as DecisionLine);
  const keys = new Set(lines.map(({ record }) => keyOf(record)));
  return { bytes: text.bytes, prev: lines.at(-1)?.hash ?? NO_LINE, keys };
}

/** Bytes of a file; 0 where there is none. */
async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/** With the time: after a reset a run counts on from an earlier number. */
function keyOf({ runId, number, atMs }: DecisionRecord): string {
  return `${runId}/${number}/${atMs}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
