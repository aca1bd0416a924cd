import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { expect, it } from 'vitest';
import { T5_STYLE } from '../../fixtures/tiny-encoder.ts';

const read = (name: string) => JSON.parse(readFileSync(join(T5_STYLE, name), 'utf8'));
const known: { text: string; ids: number[] }[] = read('ids.json');

// fixtures/t5-style/make.py made both files.
it.each(known)('a T5 tokenizer gives the ids of the Python library: $text', ({ text, ids }) => {
  expect(new Tokenizer(read('tokenizer.json'), {}).encode(text).ids).toEqual(ids);
});
