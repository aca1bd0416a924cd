import { z } from 'zod';
import type { Line } from '../../platform/text/lines.ts';
import { readLines } from '../../platform/text/lines.ts';

/** One chunk of an article: `seq` counts an article's chunks in reading order. */
export interface CorpusChunk {
  readonly article: string;
  readonly seq: number;
  readonly text: string;
  /** Unique in the corpus; `<article>#<seq>` where the file gives none. */
  readonly id: string;
}

const lineSchema = z.strictObject({
  article: z.string().min(1),
  seq: z.int().nonnegative(),
  text: z.string().regex(/\S/, 'must not be blank'),
  id: z.string().min(1).optional(),
});
const mapSchema = lineSchema.extend({ text: z.string() });

/**
 * Whose file it is: a corpus that comes in, or the map of a release. A map may hold what was ingested: chunks of which
 * there is only the vector, and two in one place of an article.
 */
export type CorpusOrigin = 'incoming' | 'release';

/**
 * Reads a corpus JSONL, one chunk a line, in the file's order; blank lines are passed over.
 * @throws Error naming file, line and field of what is not valid, of an id or an (article, seq) that comes twice,
 *   of bytes that are not UTF-8, and of a file without any chunk
 */
export async function* readCorpus(
  file: string,
  origin: CorpusOrigin = 'incoming',
): AsyncGenerator<CorpusChunk> {
  const seen = new Map<string, number>();
  const claim = (key: string, what: string, line: Line) => {
    const first = seen.get(key);
    if (first !== undefined) throw line.error(`${what} is already used in line ${first}`);
    seen.set(key, line.number);
  };
  for await (const line of readLines(file)) {
    if (line.isBlank) continue;
    const chunk = parseLine(line, origin);
    claim(`id ${chunk.id}`, `id ${JSON.stringify(chunk.id)}`, line);
    if (origin === 'incoming')
      claim(
        `seq ${chunk.seq} ${chunk.article}`,
        `seq ${chunk.seq} of ${JSON.stringify(chunk.article)}`,
        line,
      );
    yield chunk;
  }
  if (seen.size === 0) throw new Error(`${file} holds no chunk`);
}

/** The whole corpus in memory, with the errors of readCorpus. */
export async function readChunks(file: string, origin: CorpusOrigin = 'incoming'): Promise<CorpusChunk[]> {
  const chunks: CorpusChunk[] = [];
  for await (const chunk of readCorpus(file, origin)) chunks.push(chunk);
  return chunks;
}

/** One line of a corpus JSONL, without the line end. */
export function formatChunk({ article, seq, text, id }: CorpusChunk): string {
  return JSON.stringify({ article, seq, text, id });
}

function parseLine(line: Line, origin: CorpusOrigin): CorpusChunk {
  const parsed = (origin === 'release' ? mapSchema : lineSchema).safeParse(line.json());
  if (!parsed.success) {
    const issues = parsed.error.issues.map(
      ({ path, message }) => `${path.join('.') || 'the line'}: ${message}`,
    );
    throw line.error(issues.join('; '));
  }
  const { article, seq, text, id = `${article}#${seq}` } = parsed.data;
  return { article, seq, text, id };
}
