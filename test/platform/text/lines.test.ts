import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadHits } from '../../../retrieval/evaluation/set.ts';
import { linesOf, onLines, readLines } from '../../../platform/text/lines.ts';
import { decodeUtf8, NotUtf8Error, readText } from '../../../platform/text/utf8.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lines-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function* inBlocks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('lines', () => {
  it('are the same however the file is cut into blocks', async () => {
    const part = fc.constantFrom('a', '\n', '\r\n', '\r', '\u2028', '\ufeff', 'ä', '😀', '{"x":1}');
    await fc.assert(
      fc.asyncProperty(fc.array(part), fc.integer({ min: 1, max: 9 }), async (parts, size) => {
        const text = parts.join('');
        const expected = text.split(/\r?\n/);
        if (expected.at(-1) === '') expected.pop();
        const bytes = Buffer.from(text);
        const lines: string[] = [];
        for await (const line of readLines('x', inBlocks(bytes, size))) lines.push(line.text);
        expect(lines).toEqual(expected.map((line) => line.replace(/^\ufeff+/, '')));
        expect(Array.from(linesOf(bytes, 'x'), (line) => line.text)).toEqual(lines);
      }),
    );
  });

  it('of a process keep U+2028, a character cut between two blocks, and what has no line end', async () => {
    const stream = new PassThrough();
    const heard: string[] = [];
    onLines(stream, (line) => heard.push(line));
    const bytes = Buffer.from('{"a":"\u2028ä"}\r\nlast');
    for await (const block of inBlocks(bytes, 1)) stream.write(block);
    stream.end();
    await new Promise((resolve) => stream.once('end', resolve));
    expect(heard).toEqual(['{"a":"\u2028ä"}', 'last']);
  });

  it('of a hits file are named by file, line and byte; blank ones count', async () => {
    const hits = { query_id: 'q\u2028', gold_id: 'g', top_k: [] };
    writeFileSync(join(folder, 'hits.jsonl'), `\ufeff${JSON.stringify(hits)}\r\n`);
    expect(await loadHits(folder, 'hits.jsonl')).toEqual([hits]);
    const wrong = Buffer.from(`${JSON.stringify(hits)}\n\n{"query_id":"\xe9"}\n`, 'latin1');
    writeFileSync(join(folder, 'hits.jsonl'), wrong);
    await expect(loadHits(folder, 'hits.jsonl')).rejects.toThrow(
      `hits.jsonl: line 3: byte ${wrong.indexOf(0xe9)} of the file: 0xe9 is not UTF-8`,
    );
  });
});

describe('text', () => {
  it('is what a fatal TextDecoder decodes, and refused where that refuses', () => {
    const bytes = fc.uint8Array({ maxLength: 12 });
    const pieces = fc.array(
      fc.constantFrom('a', 'ä', '\ufffd', '😀', '\ufeff').map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(pieces, bytes, pieces, (before, middle, after) => {
        const all = Buffer.concat([...before, middle, ...after]);
        const expected = resultOf(() => strict.decode(all).replace(/^\ufeff+/, ''));
        const found = resultOf(() => decodeUtf8(all));
        expect(found instanceof NotUtf8Error ? 'refused' : found).toBe(
          expected instanceof Error ? 'refused' : expected,
        );
        const byte = found instanceof NotUtf8Error ? found.byte : all.length;
        // All before it is right, and whatever comes behind it, this byte begins no character.
        expect(resultOf(() => strict.decode(all.subarray(0, byte)))).not.toBeInstanceOf(Error);
        const begun = [1, 2, 3, 4].map((length) =>
          resultOf(() => strict.decode(all.subarray(byte, byte + length))),
        );
        expect(begun.filter((text) => typeof text === 'string' && text !== '')).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('of a file is refused with its line and byte', async () => {
    const file = join(folder, 'plan.yaml');
    writeFileSync(file, Buffer.from('plan: x\ndescribes: caf\xe9\n', 'latin1'));
    await expect(readText(file)).rejects.toThrow(`${file}:2: byte 22: 0xe9 is not UTF-8`);
  });
});

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function resultOf(decode: () => string): string | Error {
  try {
    return decode();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
