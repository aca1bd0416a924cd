import { expect, it } from 'vitest';
import { readFlags, readSearchRequest } from '../../../serving/retriever/search-request.ts';

const DIMENSION = 3;
const VECTOR = [0, 3, 4];
const CONTEXT = [VECTOR, VECTOR, VECTOR, VECTOR, VECTOR];

function read(body: unknown) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return readSearchRequest({ body: bytes, contentType: 'application/json', parameters: {} }, DIMENSION);
}

function readBinary(values: readonly number[], parameters: Record<string, unknown> = {}) {
  // From an odd place of a larger buffer, as a socket gives it.
  const body = Buffer.alloc(1 + values.length * 4).subarray(1);
  for (const [i, value] of values.entries()) body.writeFloatLE(value, i * 4);
  return readSearchRequest({ body, contentType: 'application/octet-stream', parameters }, DIMENSION);
}

const base64 = (values: readonly number[]) =>
  Buffer.from(Float32Array.from(values).buffer).toString('base64');

it.each<[string, unknown, string]>([
  ['no JSON', '{', 'body'],
  ['an empty body', '', 'body'],
  ['a list', [1], 'body'],
  ['nothing to search for', {}, 'body'],
  ['two things to search for', { text: 'a', vector: VECTOR }, 'vector'],
  ['an unknown field', { text: 'a', topk: 3 }, 'topk'],
  ['an empty text', { text: '  ' }, 'text'],
  ['a text that is a number', { text: 3 }, 'text'],
  ['a text of 20,001 characters', { text: 'x'.repeat(20_001) }, 'text'],
  ['another dimension', { vector: [1, 2] }, 'vector'],
  ['NaN, which JSON turns into null', { vector: [1, Number.NaN, 2] }, 'vector'],
  ['a number that no float holds', '{"vector":[1e400,0,0]}', 'vector'],
  ['no direction', { vector: [0, 0, 0] }, 'vector'],
  ['k = 0', { text: 'a', k: 0 }, 'k'],
  ['k = 51', { text: 'a', k: 51 }, 'k'],
  ['k = 1.5', { text: 'a', k: 1.5 }, 'k'],
  ['k = null', { text: 'a', k: null }, 'k'],
  ['101 ids to leave out', { text: 'a', exclude: Array.from({ length: 101 }, () => 'id') }, 'exclude'],
  ['ids that are none', { text: 'a', exclude: [1] }, 'exclude[0]'],
  ['a context of 4', { context: CONTEXT.slice(1) }, 'context'],
  ['a context of texts and vectors', { context: ['a', ...CONTEXT.slice(1)] }, 'context[1]'],
  ['an empty text in a context', { context: ['a', 'b', '', 'd', 'e'] }, 'context[2]'],
  ['another dimension in a context', { context: [...CONTEXT.slice(1), [1]] }, 'context[4]'],
  ['base64 of another dimension', { vector_b64: base64([1, 2]) }, 'vector_b64'],
  ['base64 that is none', { vector_b64: `${base64(VECTOR).slice(1)}*` }, 'vector_b64'],
  ['NaN in base64', { vector_b64: base64([1, Number.NaN, 2]) }, 'vector_b64'],
  ['explain as a word', { text: 'a', explain: 'yes' }, 'explain'],
])('refuses %s and names the field', (_, body, field) => {
  expect(() => read(body)).toThrow(
    expect.objectContaining({ problem: expect.objectContaining({ status: 400, field }) }),
  );
});

it('takes what it may, with 10 results where the body names no number', () => {
  expect(read({ text: 'rivers' })).toEqual({
    kind: 'text',
    text: 'rivers',
    k: 10,
    exclude: [],
    explain: false,
    asBuilt: false,
  });
  const { kind, k } = read({ context: ['a', 'b', 'c', 'd', 'e'], k: 50, exclude: ['x'] });
  expect({ kind, k }).toEqual({ kind: 'context', k: 50 });
});

it.each<[string, readonly number[], Record<string, unknown>, string]>([
  ['another dimension', [1, 2], {}, 'body'],
  ['an empty body', [], {}, 'body'],
  ['a context that is a vector', VECTOR, { kind: 'context' }, 'body, vector 0'],
  ['an infinite number', [1, Infinity, 0], {}, 'body'],
  ['no direction', [0, 0, 0], {}, 'body'],
  ['k as a word', VECTOR, { k: 'ten' }, 'k'],
  ['an empty k', VECTOR, { k: '' }, 'k'],
  ['k = 51', VECTOR, { k: '51' }, 'k'],
  ['k twice', VECTOR, { k: ['1', '2'] }, 'k'],
  ['another kind', VECTOR, { kind: 'text' }, 'kind'],
  ['an unknown parameter', VECTOR, { topk: '3' }, 'topk'],
])('refuses a binary body with %s', (_, values, parameters, field) => {
  expect(() => readBinary(values, parameters)).toThrow(
    expect.objectContaining({ problem: expect.objectContaining({ status: 400, field }) }),
  );
});

it('reads the same vector from digits, base64 and bytes', () => {
  const asDigits = read({ vector: VECTOR, k: 3 });
  expect(read({ vector_b64: base64(VECTOR), k: 3 })).toEqual(asDigits);
  expect(readBinary(VECTOR, { k: '3' })).toEqual(asDigits);
  const context = Array.from({ length: 5 }, (_, i) => [i, 1, 2]);
  expect(readBinary(context.flat(), { kind: 'context' })).toEqual(read({ context }));
});

it('refuses parameters of the address beside a JSON body, which would be overlooked', () => {
  const received = {
    body: Buffer.from('{"text":"a"}'),
    contentType: 'application/json',
    parameters: { k: '3' },
  };
  expect(() => readSearchRequest(received, DIMENSION)).toThrow(/k: belongs into the JSON body/);
});

it('brings a vector to unit norm', () => {
  expect(read({ vector: VECTOR })).toMatchObject({ vector: Float32Array.from([0, 0.6, 0.8]) });
});

it('reads the flags of the gateway, and answers 400 to what is none', () => {
  const own = { impl: 'amn_v0', reranker: 'on', nprobe: 8 } as const;
  expect(readFlags(undefined, own)).toBe(own);
  expect(readFlags('impl=gru_v0;reranker=off;nprobe=4', own)).toEqual({
    impl: 'gru_v0',
    reranker: 'off',
    nprobe: 4,
  });
  expect(() => readFlags('impl=gru_v0;reranker=off;nprobe=0', own)).toThrow(/x-lane-flags/);
});
