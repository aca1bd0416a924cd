import { join } from 'node:path';
import { z } from 'zod';
import type { HistoryEntry } from '../../domain/evaluation/history.ts';
import { EVALUATION_KINDS } from '../../domain/evaluation/history.ts';
import type { Line } from '../../platform/text/lines.ts';
import { appendSynced, readLog } from '../../platform/append-log.ts';

const share = z.number().min(0).max(1);
const entrySchema = z.object({
  key: z.string().min(1),
  kind: z.enum(EVALUATION_KINDS),
  date: z.string().regex(/^\d{8}$/),
  atMs: z.number().positive(),
  release: z.string().min(1),
  queries: z.int().positive(),
  articles: z.int().positive(),
  ntotal: z.int().positive(),
  R_at_5: share,
  MRR: share,
  Contain_at_50: share,
  expected_R_at_5: share.nullish(),
  plain_R_at_5: share,
  reranked_R_at_5: share,
});

/** The evaluations of all days, one a line. */
export function historyFile(artifactsDir: string): string {
  return join(artifactsDir, 'eval', 'history.jsonl');
}

/** All lines that can be read; of several with one key the last. Half a line, as a crash leaves it, is passed over. */
export async function readHistory(artifactsDir: string): Promise<HistoryEntry[]> {
  const byKey = new Map<string, HistoryEntry>();
  for (const line of (await readLog(historyFile(artifactsDir))).lines) {
    const entry = entryOf(line);
    if (entry !== null) byKey.set(entry.key, entry);
  }
  return [...byKey.values()];
}

/**
 * Appends a line, once for each key, in one synced write.
 * @returns whether the line is new
 */
export async function appendHistory(artifactsDir: string, entry: HistoryEntry): Promise<boolean> {
  if ((await readHistory(artifactsDir)).some(({ key }) => key === entry.key)) return false;
  await appendSynced(historyFile(artifactsDir), `${JSON.stringify(entrySchema.parse(entry))}\n`);
  return true;
}

function entryOf(line: Line): HistoryEntry | null {
  try {
    const parsed = entrySchema.safeParse(line.json());
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
