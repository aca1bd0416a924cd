import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CorpusChunk } from '../../../retrieval/corpus/jsonl.ts';
import { formatChunk, readCorpus } from '../../../retrieval/corpus/jsonl.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'corpus-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function read(content: string | Buffer): Promise<CorpusChunk[]> {
  const file = join(folder, 'corpus.jsonl');
  writeFileSync(file, content);
  return readAll(file);
}

async function readAll(file: string): Promise<CorpusChunk[]> {
  const chunks: CorpusChunk[] = [];
  for await (const chunk of readCorpus(file)) chunks.push(chunk);
  return chunks;
}

const GOOD = '{"article":"A","seq":0,"text":"first"}';

describe('readCorpus', () => {
  it('reads chunks in order and makes the ids that are not given', async () => {
    expect(await read(`${GOOD}\r\n\n{"article":"A","seq":1,"text":"second","id":"x"}`)).toEqual([
      { article: 'A', seq: 0, text: 'first', id: 'A#0' },
      { article: 'A', seq: 1, text: 'second', id: 'x' },
    ]);
  });

  it('reads back what formatChunk writes, line ends within the text too', async () => {
    const chunk = { article: 'Ä "q"', seq: 3, text: 'line\none\u2028two', id: 'a b' };
    expect(await read(`${formatChunk(chunk)}\n`)).toEqual([chunk]);
  });

  it('takes U+2028, U+2029, U+0085 and a lone carriage return for text, as every Node must', async () => {
    const text = 'Line one.\u2028Line two.\u2029Line three.\u0085Line four.';
    expect(await read(`{"article":"A","seq":0,"text":"${text}"}\n`)).toEqual([
      { article: 'A', seq: 0, text, id: 'A#0' },
    ]);
    await expect(read(`${GOOD}\r{"article":"A","seq":1,"text":"t"}\n`)).rejects.toThrow(/:1: is not JSON/);
  });

  it('drops a byte-order mark at the start of the file and of the parts it was put together of', async () => {
    const part = (seq: number) => `\ufeff{"article":"A","seq":${seq},"text":"\ufefft"}\n`;
    expect(await read(`\ufeff${part(0)}${part(1)}\ufeff\n`)).toEqual([
      { article: 'A', seq: 0, text: '\ufefft', id: 'A#0' },
      { article: 'A', seq: 1, text: '\ufefft', id: 'A#1' },
    ]);
  });

  const bytesOf = (text: string) => Buffer.from(`{"article":"B","seq":0,"text":"${text}"}`, 'latin1');
  const before = GOOD.length + 1 + '{"article":"B","seq":0,"text":"'.length;
  it.each([
    ['Latin-1', bytesOf('Die Stra\xdfe'), before + 8, '0xdf'],
    ['Windows-1252', bytesOf('He said \x93yes\x94'), before + 8, '0x93'],
    ['surrogates as CESU-8 writes them', bytesOf('\xed\xa0\xbd\xed\xb8\x80'), before, '0xed'],
    ['a character that is cut', bytesOf('caf\xc3'), before + 3, '0xc3'],
    ['a longer form than is needed', bytesOf('\xc0\xaf'), before, '0xc0'],
    ['a right U+FFFD before a wrong byte', bytesOf('\xef\xbf\xbd \xff'), before + 4, '0xff'],
    ['UTF-16', Buffer.from('\ufeff{}', 'utf16le'), GOOD.length + 1, '0xff'],
  ])('refuses %s with file, line and byte', async (_name, wrong, byte, shown) => {
    const content = Buffer.concat([Buffer.from(`${GOOD}\n`), wrong, Buffer.from('\n')]);
    await expect(read(content)).rejects.toThrow(
      `corpus.jsonl:2: byte ${byte} of the file: ${shown} is not UTF-8; write the text as UTF-8`,
    );
  });

  it('refuses a line that is too long before it is in memory', async () => {
    const content = Buffer.alloc(20 * 2 ** 20, 'x');
    content.write(`${GOOD}\n`);
    await expect(read(content)).rejects.toThrow(
      `corpus.jsonl:2: the line at byte ${GOOD.length + 1} is longer than 16777216 bytes`,
    );
  });

  it.each([
    ['no JSON', '{"article"', /corpus\.jsonl:2: is not JSON/],
    ['no object', '[]', /corpus\.jsonl:2: the line/],
    ['no article', '{"seq":0,"text":"t"}', /:2: article/],
    ['a negative seq', '{"article":"B","seq":-1,"text":"t"}', /:2: seq/],
    ['a seq that is text', '{"article":"B","seq":"0","text":"t"}', /:2: seq/],
    [
      'half of a surrogate pair',
      '{"article":"B","seq":0,"text":"a\\ud83d"}',
      /:2: text: holds half of a surrogate/,
    ],
    ['a blank text', '{"article":"B","seq":0,"text":" "}', /:2: text: must not be blank/],
    ['a field nobody knows', '{"article":"B","seq":0,"text":"t","txt":"t"}', /:2: .*txt/],
    [
      'an id twice',
      '{"article":"B","seq":0,"text":"t","id":"A#0"}',
      /:2: id "A#0" is already used in line 1/,
    ],
    [
      'a seq twice',
      '{"article":"A","seq":0,"text":"t","id":"y"}',
      /:2: seq 0 of "A" is already used in line 1/,
    ],
  ])('names the line and the field: %s', async (_name, line, message) => {
    await expect(read(`${GOOD}\n${line}\n`)).rejects.toThrow(message);
  });

  it('refuses a file without chunks and a file that is not there', async () => {
    await expect(read('\n')).rejects.toThrow(/holds no chunk/);
    await expect(readAll(join(folder, 'nowhere'))).rejects.toThrow(/nowhere/);
  });
});
