import { describe, expect, it } from 'vitest';
import { chunksOfDump, chunksOfSummaries } from '../../../retrieval/corpus/wikipedia.ts';
import { paragraphsOf } from '../../../retrieval/corpus/wikitext.ts';

describe('paragraphsOf', () => {
  it.each([
    ['keeps the label of a link', 'A [[dog|hound]] and a [[cat]].', ['A hound and a cat.']],
    ['drops bold and italics', "'''Moss''' is ''not'' a fern.", ['Moss is not a fern.']],
    ['drops references', 'Old<ref name="a">{{cite|x}}</ref> and<ref name="b" /> grey.', ['Old and grey.']],
    ['drops comments over lines', 'One <!-- two\nthree --> four.', ['One four.']],
    ['drops nested templates', 'Here {{a|{{b|c}}|d}}it is.', ['Here it is.']],
    ['keeps the quantity of a template', 'It is {{convert|12|km|mi|abbr=on}} long.', ['It is 12 km long.']],
    ['keeps foreign words of a template', 'From {{lang|el|λόγος}}, word.', ['From λόγος, word.']],
    ['drops a table within a table', '{|\n| a\n{|\n| b\n|}\n|}\nText after it.', ['Text after it.']],
    [
      'drops a picture with links in its caption',
      '[[File:A.jpg|thumb|A [[red]] fox]]Foxes run.',
      ['Foxes run.'],
    ],
    ['drops categories and other languages', 'Fox.\n[[Category:Foxes]]\n[[de:Fuchs]]', ['Fox.']],
    ['keeps the label of a web link', 'See [http://example.org the list].', ['See the list.']],
    ['keeps formulas of sub- and superscripts whole', 'H<sub>2</sub>O melts.', ['H2O melts.']],
    ['closes gaps in brackets', 'Athens ({{IPA|x}}; ) is old ({{a}}).', ['Athens is old.']],
    ['decodes entities', 'Tom&nbsp;&amp; Ann&#8217;s &unknown; 3&times;4', ['Tom & Ann’s &unknown; 3×4']],
    ['drops headings', 'One.\n== History ==\nTwo.', ['One.', 'Two.']],
    [
      'drops sections of sources, with what is below them',
      '== See also ==\nA.\n=== Books ===\nB.\n== Life ==\nC.',
      ['C.'],
    ],
    [
      'drops short list entries',
      '* [[Ada]]\n* one two three four five six seven eight.',
      ['one two three four five six seven eight.'],
    ],
    [
      'survives mark-up that never closes',
      'Text {{open [[link and <ref>more.',
      ['Text {{open [[link and more.'],
    ],
    ['has nothing to say of nothing', '', []],
  ])('%s', (_name, wikitext, expected) => {
    expect(paragraphsOf(wikitext)).toEqual(expected);
  });
});

const page = (title: string, ns: number, text: string, extra = '') =>
  `<page><title>${title}</title><ns>${ns}</ns><id>7</id>${extra}<revision><id>99</id>` +
  `<text xml:space="preserve">${text}</text></revision></page>`;

describe('chunksOfDump', () => {
  it('takes articles, with page ids, and leaves out redirects, talk and disambiguation pages', () => {
    const dump = [
      page('Salt &amp; Sea', 0, 'Salt is &lt;b&gt;white&lt;/b&gt;.'),
      page('Old name', 0, '#REDIRECT [[Salt]]', '<redirect title="Salt" />'),
      page('Talk', 1, 'I think so.'),
      page('Salt (disambiguation)', 0, 'Salt may refer to a mineral. {{disambiguation}}'),
    ].join('\n');
    expect(chunksOfDump(dump)).toEqual([
      { article: 'Salt & Sea', seq: 0, text: 'Salt is white.', id: '7:0' },
    ]);
  });
});

describe('chunksOfSummaries', () => {
  it('adds what the corpus does not hold, if it is more than a line', () => {
    const extract = Array.from({ length: 20 }, (_, i) => `word${i}`).join(' ');
    const summaries = {
      a: { title: 'Held', extract },
      b: { title: 'New', extract: ` ${extract}\n` },
      c: { title: 'Short', extract: 'A line.' },
    };
    const corpus = [{ article: 'Held', seq: 0, text: 'x', id: '1:0' }];
    expect(chunksOfSummaries(summaries, corpus)).toEqual([
      { article: 'New', seq: 0, text: extract, id: 'vital:New' },
    ]);
  });
});
