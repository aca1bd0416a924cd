import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { HistoryEntry } from '../../domain/evaluation/history.ts';
import { EVALUATION_KINDS } from '../../domain/evaluation/history.ts';
import type { Line } from '../../retrieval/text/lines.ts';
import { linesOf } from '../../retrieval/text/lines.ts';

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

const LINE_END = 0x0a;

/** The evaluations of all days, one a line. */
export function historyFile(artifactsDir: string): string {
  return join(artifactsDir, 'eval', 'history.jsonl');
}

/** All lines that can be read; of several with one key the last. Half a line, as a crash leaves it, is passed over. */
export async function readHistory(artifactsDir: string): Promise<HistoryEntry[]> {
  const file = historyFile(artifactsDir);
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  const byKey = new Map<string, HistoryEntry>();
  for (const line of linesOf(bytes, file)) {
    const entry = entryOf(line);
    if (entry !== null) byKey.set(entry.key, entry);
  }
  return [...byKey.values()];
}

/**
 * Appends a line, once for each key, in one synced write. What a crash left without a line end is closed first, so
 * that it can not swallow this line.
 * @returns whether the line is new
 */
export async function appendHistory(artifactsDir: string, entry: HistoryEntry): Promise<boolean> {
  if ((await readHistory(artifactsDir)).some(({ key }) => key === entry.key)) return false;
  const file = historyFile(artifactsDir);
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(file, 'a+');
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, Math.max(0, size - 1));
    const closing = bytesRead === 1 && buffer[0] !== LINE_END ? '\n' : '';
    await handle.appendFile(`${closing}${JSON.stringify(entrySchema.parse(entry))}\n`);
    await handle.datasync();
    return true;
  } finally {
    await handle.close();
  }
}

function entryOf(line: Line): HistoryEntry | null {
  try {
    const parsed = entrySchema.safeParse(line.json());
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
