import { z } from 'zod';

/**
 * What users may send, field by field: the schemas that validate are those that /openapi.json shows. Vectors are checked
 * by hand behind them, as a schema would look at each of their numbers far more slowly.
 */

const LONGEST_TEXT = 20_000;
const LONGEST_ID = 200;

const numbers = {
  type: 'array',
  items: { type: 'number' },
  description: 'As many numbers as the release has dimensions',
};
const base64 = {
  type: 'string',
  description: 'Little-endian float32 as base64, as many as the release has dimensions',
};

const text = z.string().regex(/\S/, 'must not be blank').max(LONGEST_TEXT);
const id = z.string().min(1).max(LONGEST_ID);
const k = z.int().min(1).max(50);

/** Fields of POST /search of which exactly one is given. */
export const QUERIES = ['text', 'vector', 'vector_b64', 'context'] as const;

export const searchSchema = z
  .strictObject({
    text: text.optional(),
    vector: z.unknown().optional().meta(numbers),
    vector_b64: z.unknown().optional().meta(base64),
    context: z
      .unknown()
      .optional()
      .meta({
        type: 'array',
        minItems: 5,
        maxItems: 5,
        description: 'Five texts or five vectors, the oldest first: what comes next is searched for',
        oneOf: [{ items: { type: 'string' } }, { items: { type: 'array', items: { type: 'number' } } }],
      }),
    k: k.default(10),
    exclude: z.array(z.string()).max(100).default([]).meta({ description: 'Ids to leave out' }),
    explain: z
      .boolean()
      .default(false)
      .meta({ description: 'Texts of the results, and why the first five are there' }),
    asBuilt: z
      .boolean()
      .default(false)
      .meta({ description: 'Without what was ingested since the release was built' }),
  })
  .meta({ oneOf: QUERIES.map((name) => ({ required: [name] })) });

/** Of the address, for a binary body. */
export const binarySearchSchema = z.strictObject({
  kind: z.enum(['vector', 'context']).default('vector'),
  k: z.coerce.number<string>().pipe(k).default(10),
  explain: z.enum(['true', 'false']).default('false'),
});

export const encodeSchema = z.strictObject({
  texts: z.array(text).min(1).max(64),
  role: z
    .enum(['query', 'passage'])
    .default('query')
    .meta({ description: 'They may be encoded differently' }),
  base64: z.boolean().default(false).meta({ description: 'Vectors as base64 of little-endian float32' }),
});

export const chunkSchema = z
  .strictObject({
    id: id
      .optional()
      .meta({ description: '<article>#<seq> where absent; a chunk of the same id is replaced' }),
    article: z.string().min(1).max(500),
    seq: z.int().nonnegative(),
    text: text.optional().meta({ description: 'Needed, unless there is a vector' }),
    vector: z.unknown().optional().meta(numbers),
    vector_b64: z.unknown().optional().meta(base64),
    encoder: z.string().optional().meta({ description: 'Name or sha256 of the model that made the vector' }),
  })
  .meta({
    anyOf: [
      { required: ['text'] },
      { required: ['vector', 'encoder'] },
      { required: ['vector_b64', 'encoder'] },
    ],
  });

export const feedbackSchema = z.strictObject({
  requestId: id.meta({ description: 'Of the answer that is judged' }),
  id: id.meta({ description: 'The chunk that was right or clicked' }),
});
