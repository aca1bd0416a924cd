/** Words of a chunk: enough for a topic of its own, and within 256 tokens of any encoder. */
export const MIN_WORDS = 90;
export const MAX_WORDS = 120;
/** What is left at an article's end stands alone from this size on; less joins the chunk before it. */
const MIN_LAST_WORDS = 20;

const ABBREVIATION =
  /(?:^|[\s(])(?:[A-Z]|Mr|Mrs|Ms|Dr|St|Jr|Sr|Prof|Gen|Col|Lt|Capt|Gov|Sen|Rep|vs|etc|cf|ca|c|e\.g|i\.e|No|Vol|pp?|fl|approx|Inc|Ltd|Co)\.$/;
const BOUNDARY = /(?<=[.!?]["'”’)\]]*)\s+(?=["'“‘([]*[\p{Lu}\d])/u;

/** Sentences of a paragraph, in order; initials and common abbreviations do not end one. */
export function sentencesOf(paragraph: string): string[] {
  const sentences: string[] = [];
  for (const piece of paragraph.split(BOUNDARY)) {
    const previous = sentences.at(-1);
    if (previous !== undefined && ABBREVIATION.test(previous)) {
      sentences[sentences.length - 1] = `${previous} ${piece}`;
    } else if (piece !== '') {
      sentences.push(piece);
    }
  }
  return sentences;
}

/**
 * Packs whole sentences into chunks of MIN_WORDS to MAX_WORDS words. Only a sentence that would overfill a chunk still
 * below MIN_WORDS is cut, at MAX_WORDS. An article's last chunk may be shorter, or longer by fewer than 20 words.
 */
export function chunksOf(paragraphs: readonly string[]): string[] {
  const chunks: string[][] = [];
  let open: string[] = [];
  const close = () => {
    if (open.length > 0) chunks.push(open);
    open = [];
  };
  for (const sentence of paragraphs.flatMap(sentencesOf)) {
    let words = sentence.split(/\s+/);
    if (open.length >= MIN_WORDS && open.length + words.length > MAX_WORDS) close();
    while (open.length + words.length > MAX_WORDS) {
      const room = MAX_WORDS - open.length;
      open.push(...words.slice(0, room));
      words = words.slice(room);
      close();
    }
    open.push(...words);
  }
  const last = chunks.at(-1);
  if (last && open.length < MIN_LAST_WORDS) last.push(...open);
  else close();
  return chunks.map((words) => words.join(' '));
}
