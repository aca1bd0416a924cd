import { appendFile, mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Flags } from '../../domain/control/state.ts';
import type { AnswerExplanation } from '../../retrieval/explain.ts';

export interface ExplainLogOptions {
  readonly folder: string;
  readonly release: string;
  /** Of this release's two files together. */
  readonly maxBytes: number;
  /** Whether a query's own texts are kept: they are the users'. */
  readonly withTexts: boolean;
  readonly onFault: (error: unknown, text: string) => void;
}

/** One line of the log: one query in a hundred. */
export interface ExplainedQuery extends AnswerExplanation {
  readonly atMs: number;
  readonly requestId: string;
  readonly lane: string;
  readonly kind: string;
  readonly flags: Flags;
  /** The query's texts, where there were some and they are wanted. */
  readonly texts?: readonly string[];
}

export interface ExplainLog {
  readonly withTexts: boolean;
  /** Takes a line, to be written soon; never throws and never waits. */
  add(query: ExplainedQuery): void;
  /** Resolves when all is written. */
  close(): Promise<void>;
}

/** Written at once after so long. */
const EVERY_MS = 1_000;
/** A disk that does not keep up loses lines, not memory. */
const MOST_WAITING = 1_000;

/**
 * A log of explained queries as `<release>.jsonl`; when it holds half of what it may, it becomes `<release>.1.jsonl` in
 * the place of the one before. Whole lines alone are appended: what a death cuts off is at most the last of them.
 */
export function openExplainLog(options: ExplainLogOptions): ExplainLog {
  const { folder, release, maxBytes, withTexts, onFault } = options;
  const file = join(folder, `${release}.jsonl`);
  const before = join(folder, `${release}.1.jsonl`);
  let waiting: string[] = [];
  let writing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | null = null;

  async function write(text: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    const size = await stat(file).then(
      (found) => found.size,
      () => 0,
    );
    if (size > 0 && size + Buffer.byteLength(text) > maxBytes / 2) await rename(file, before);
    await appendFile(file, text);
  }
  function flush(): void {
    timer = null;
    const text = waiting.join('');
    waiting = [];
    if (text === '') return;
    writing = writing
      .then(() => write(text))
      .catch((error: unknown) => onFault(error, `${file} is not written`));
  }
  return {
    withTexts,
    add(query) {
      if (waiting.length >= MOST_WAITING) return;
      waiting.push(`${JSON.stringify({ release, ...query })}\n`);
      timer ??= setTimeout(flush, EVERY_MS).unref();
    },
    async close() {
      if (timer !== null) clearTimeout(timer);
      flush();
      await writing;
    },
  };
}

/** Bytes of one release's log where nobody says how many. */
