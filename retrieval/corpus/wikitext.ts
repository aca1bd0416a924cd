/** Wikitext to prose, as far as sentences need it; what carries no sentences (tables, references, pictures) goes. */

const NO_PROSE_ELEMENTS =
  /<(ref|math|gallery|timeline|code|source|syntaxhighlight|score|imagemap|hiero|chem|pre)\b(?:[^>]*\/>|[^>]*>[\s\S]*?<\/\1\s*>)/gi;
/** These stand within words: H<sub>2</sub>O is H2O. */
const INLINE_TAG = /<\/?(?:sub|sup|i|b|em|strong|small|span|abbr|nowiki|nobr)\b[^>]*>/gi;
const NO_PROSE_LINK = /^\s*:?(?:file|image|category|wikt|wiktionary|[a-z]{2,3}|[a-z]{2,3}-[a-z-]+)\s*:/i;
const NO_PROSE_SECTION =
  /^(?:see also|references?|notes?|footnotes?|citations?|sources?|external links?|further reading|bibliography|works cited|notes and references|references and notes|filmography|discography|gallery)$/i;
const ENTITIES: Record<string, string> = {
  nbsp: ' ',
  thinsp: ' ',
  ensp: ' ',
  emsp: ' ',
  ndash: '–',
  mdash: '—',
  minus: '−',
  times: '×',
  deg: '°',
  middot: '·',
  hellip: '…',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  amp: '&',
};
/** A list item shorter than this, in words, is an entry (a name, a link), not a sentence. */
const MIN_ITEM_WORDS = 8;

/**
 * The paragraphs of an article's body in reading order, without mark-up; headings and sections that are lists of
 * sources are left out.
 */
export function paragraphsOf(wikitext: string): string[] {
  const text = unlink(unwrapTemplates(dropTables(dropElements(wikitext))));
  return proseLines(text)
    .map((line) => tidy(decodeEntities(line.replace(INLINE_TAG, '').replace(/<[^>]+>/g, ' '))))
    .filter((line) => line !== '');
}

/** Decodes XML's and the usual named entities, and numeric ones; unknown names stay as they are. */
export function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function dropElements(text: string): string {
  return text.replace(/<!--[\s\S]*?-->/g, '').replace(NO_PROSE_ELEMENTS, '');
}

function dropTables(text: string): string {
  return replaceInnermost(text, /\{\|(?:(?!\{\||\|\})[\s\S])*\|\}/g, () => '');
}

/** Templates go, but for the few that stand for words of the sentence around them. */
function unwrapTemplates(text: string): string {
  return replaceInnermost(text, /\{\{([^{}]*)\}\}/g, (body) => {
    const [name = '', ...fields] = body.split('|').map((part) => part.trim());
    const values = fields.filter((field) => !/^\w+\s*=/.test(field));
    switch (name.toLowerCase()) {
      case 'convert':
      case 'cvt':
        return values.slice(0, 2).join(' ');
      case 'lang':
      case 'transl':
        return values.at(-1) ?? '';
      case 'nowrap':
      case 'nobr':
      case 'val':
      case 'sub':
      case 'sup':
      case 'chem':
      case 'abbr':
        return values[0] ?? '';
      case 'ndash':
      case 'spaced ndash':
      case 'snd':
        return ' – ';
      default:
        return '';
    }
  });
}

/** Links become their labels; pictures, categories and links to other languages go, with their captions. */
function unlink(text: string): string {
  const internal = replaceInnermost(text, /\[\[([^[\]]*)\]\]/g, (body) => {
    if (NO_PROSE_LINK.test(body)) return '';
    return body.split('|').at(-1) ?? '';
  });
  return internal.replace(/\[(?:https?:|ftp:)?\/\/\S+\s*([^\]]*)\]/g, '$1').replace(/'{2,}/g, '');
}

/** Replaces from the inside out until nothing matches, so that nested mark-up is seen whole. */
function replaceInnermost(text: string, pattern: RegExp, replace: (body: string) => string): string {
  let before: string;
  let after = text;
  do {
    before = after;
    after = before.replace(pattern, (_whole, body) => replace(typeof body === 'string' ? body : ''));
  } while (after !== before);
  return after;
}

function proseLines(text: string): string[] {
  const lines: string[] = [];
  let skippedLevel = Number.POSITIVE_INFINITY;
  for (const line of text.split('\n')) {
    const heading = /^(={2,6})\s*(.*?)\s*\1\s*$/.exec(line);
    if (heading) {
      const level = heading[1]?.length ?? 0;
      // A section that is skipped takes its subsections along.
      if (level <= skippedLevel) {
        skippedLevel = NO_PROSE_SECTION.test(heading[2] ?? '') ? level : Number.POSITIVE_INFINITY;
      }
    } else if (skippedLevel === Number.POSITIVE_INFINITY) {
      const item = line.replace(/^[*#:;\s]+/, '');
      if (item === line || item.split(/\s+/).length >= MIN_ITEM_WORDS) lines.push(item);
    }
  }
  return lines.filter((line) => !/^[|!{}]/.test(line));
}

/** Closes the gaps that dropped mark-up leaves: doubled spaces, empty brackets, a space before a comma. */
function tidy(line: string): string {
  return line
    .replace(/\s+/g, ' ')
    .replace(/([([])[\s,;:–-]+/g, '$1')
    .replace(/[\s,;:]+([)\]])/g, '$1')
    .replace(/\(\s*\)|\[\s*\]/g, '')
    .replace(/ +([,.;:!?])/g, '$1')
    .replace(/\s+/g, ' ')
    .trim();
}
