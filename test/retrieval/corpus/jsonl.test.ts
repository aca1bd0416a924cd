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

async function read(content: string): Promise<CorpusChunk[]> {
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

  it.each([
    ['no JSON', '{"article"', /corpus\.jsonl:2: is not JSON/],
    ['no object', '[]', /corpus\.jsonl:2: the line/],
    ['no article', '{"seq":0,"text":"t"}', /:2: article/],
    ['a negative seq', '{"article":"B","seq":-1,"text":"t"}', /:2: seq/],
    ['a seq that is text', '{"article":"B","seq":"0","text":"t"}', /:2: seq/],
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
