import { array, assert, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunksOf, MAX_WORDS, MIN_WORDS, sentencesOf } from '../../../retrieval/corpus/chunks.ts';

describe('sentencesOf', () => {
  it.each([
    ['splits at full stops', 'One is. Two is.', ['One is.', 'Two is.']],
    ['splits after a closing quote', 'He said "go." She went.', ['He said "go."', 'She went.']],
    ['keeps initials together', 'J. S. Bach wrote it.', ['J. S. Bach wrote it.']],
    ['keeps titles together', 'Ask Dr. Watson. He knows.', ['Ask Dr. Watson.', 'He knows.']],
    [
      'does not split before a small letter',
      'It cost approx. nothing, i.e. little.',
      ['It cost approx. nothing, i.e. little.'],
    ],
    ['splits before letters beyond ASCII', 'It ended. Édith sang.', ['It ended.', 'Édith sang.']],
  ])('%s', (_name, paragraph, expected) => {
    expect(sentencesOf(paragraph)).toEqual(expected);
  });
});

const wordCount = (text: string) => text.split(' ').length;
/** A sentence of so many words that no other sentence has. */
const sentence = (words: number, name: number) =>
  `S${name} ${Array.from({ length: words - 2 }, (_, i) => `w${i}`).join(' ')} end${name}.`.replace('  ', ' ');

describe('chunksOf', () => {
  it('keeps every word in order, in chunks of 90 to 120 words', () => {
    assert(
      property(array(integer({ min: 2, max: 300 }), { maxLength: 60 }), (lengths) => {
        const paragraphs = lengths.map(sentence);
        const chunks = chunksOf(paragraphs);
        expect(chunks.join(' ')).toBe(paragraphs.join(' '));
        for (const chunk of chunks.slice(0, -1)) {
          expect(wordCount(chunk)).toBeGreaterThanOrEqual(MIN_WORDS);
          expect(wordCount(chunk)).toBeLessThanOrEqual(MAX_WORDS);
        }
        expect(wordCount(chunks.at(-1) ?? '')).toBeLessThan(MAX_WORDS + 20);
      }),
    );
  });

  it('ends a chunk with a sentence where it can', () => {
    expect(chunksOf([50, 45, 40, 60].map(sentence)).map(wordCount)).toEqual([95, 100]);
  });

  it('joins a short end to the chunk before it, and keeps a short article', () => {
    expect(chunksOf([100, 100, 15].map(sentence)).map(wordCount)).toEqual([100, 115]);
    expect(chunksOf([100, 119, 15].map(sentence)).map(wordCount)).toEqual([100, 134]);
    expect(chunksOf([sentence(5, 0)]).map(wordCount)).toEqual([5]);
    expect(chunksOf([])).toEqual([]);
  });
});
