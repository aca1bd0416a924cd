import type { CorpusChunk } from '../corpus/jsonl.ts';

/** Chunks that a predictor sees. */
export const CONTEXT_LENGTH = 5;

/** The next-chunk task: five chunks that follow each other, and the one that comes next. Rows of the corpus. */
export interface NextChunkQuery {
  readonly article: string;
  readonly context: readonly number[];
  readonly gold: number;
}

/** All queries of the articles (all articles where absent), article after article, in reading order. */
export function nextChunkQueries(
  chunks: readonly CorpusChunk[],
  articles?: ReadonlySet<string>,
): NextChunkQuery[] {
  const rows = new Map<string, number[]>();
  for (const [row, { article }] of chunks.entries()) {
    if (articles && !articles.has(article)) continue;
    const list = rows.get(article);
    if (list) list.push(row);
    else rows.set(article, [row]);
  }
  return [...rows].flatMap(([article, unordered]) => {
    const ordered = unordered.toSorted((a, b) => (chunks[a]?.seq ?? 0) - (chunks[b]?.seq ?? 0));
    return ordered.slice(CONTEXT_LENGTH).map((gold, i) => ({
      article,
      context: ordered.slice(i, i + CONTEXT_LENGTH),
      gold,
    }));
  });
}
