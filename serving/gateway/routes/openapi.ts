import { z } from 'zod';
import { LANE_HEADERS } from '../../../domain/control/http.ts';
import {
  binarySearchSchema,
  chunkSchema,
  encodeSchema,
  feedbackSchema,
  searchSchema,
} from '../../http/request-schemas.ts';

const lane = z.enum(['stable', 'candidate', 'previous', 'spare']);
const flags = z.object({
  impl: z.enum(['amn_v0', 'gru_v0']),
  reranker: z.enum(['on', 'off']),
  nprobe: z.int().positive(),
});
const part = z.object({ ok: z.boolean(), lastOkMs: z.number().nullable() });
const laneState = z.enum(['starting', 'ready', 'down', 'refused']).nullable();
const milliseconds = z.number().nonnegative().nullable();

const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  field: z.string().optional(),
});
const why = z.object({
  cosine: z.number(),
  margin: z.number(),
  articleContext: z.number().nullable(),
  diversity: z.number(),
  rerankScore: z.number().nullable(),
  rankBefore: z.int().positive(),
});
const found = z.object({
  requestId: z.string(),
  release: z.string(),
  lane,
  results: z.array(
    z.object({
      id: z.string(),
      score: z.number(),
      article: z.string(),
      text: z.string().optional(),
      why: why.optional(),
    }),
  ),
  timings: z.object({
    encodeMs: milliseconds,
    predictMs: milliseconds,
    searchMs: z.number().nonnegative(),
    rerankMs: milliseconds,
  }),
});
const encoded = z.object({
  encoder: z.string(),
  dimension: z.int().positive(),
  vectors: z.array(z.array(z.number())).optional(),
  vectors_b64: z.array(z.string()).optional(),
});
const kept = z.object({ id: z.string(), offset: z.int().nonnegative() });
const removed = kept.extend({
  known: z
    .boolean()
    .nullable()
    .describe('Whether stable had a chunk of that id; null where it did not say so'),
});
const heard = z.object({ outcome: z.enum(['counted', 'notSampled', 'unknown', 'repeated', 'notReranked']) });
const health = z.object({
  version: z.string(),
  releases: z.object({ stable: z.string(), candidate: z.string().nullable() }),
  percent: z.number().min(0).max(100),
  flags: z.object({ stable: flags, candidate: flags.nullable() }),
  lanes: z.object({ stable: laneState, candidate: laneState, previous: laneState, spare: laneState }),
  ingest: part,
  encode: part,
  search: part,
  rerank: part,
  state: part,
  holder: part,
});

const json = (schema: z.ZodType, io: 'input' | 'output') =>
  z.toJSONSchema(schema, { io, target: 'draft-2020-12' });
const answer = (description: string, schema: z.ZodType) => ({
  description,
  content: { 'application/json': { schema: json(schema, 'output') } },
});
const body = (schema: z.ZodType) => ({
  required: true,
  content: { 'application/json': { schema: json(schema, 'input') } },
});
const refusal = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});
/** What any route that a lane stands behind may answer as well. */
const REFUSALS = {
  '400': refusal('The request is wrong; `field` says where'),
  '413': refusal('The body is larger than 1 MiB, or is once it is inflated'),
  '415': refusal(
    'The body is of a type, charset or coding that is not read; `accept` or `accept-encoding` names those that are',
  ),
  '502': refusal('The lane failed'),
  '503': refusal('Too much is under way, or no lane is ready; try again after `Retry-After` seconds'),
  '504': refusal('The lane took too long'),
};
const TOKEN = { '401': refusal('The bearer token is missing or wrong') };

/** The parameters of a binary search, each as the schema that validates it. */
function parameters(): object[] {
  const { properties = {} } = json(binarySearchSchema, 'output');
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    schema,
    description: 'For a body of application/octet-stream',
  }));
}

/** The gateway's public interface as OpenAPI 3.1, made from the schemas that validate. */
export function openApiDocument(): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Retriever',
      version: '1',
      description: `Search by embeddings. Send the header ${LANE_HEADERS.requestKey} with the id of your user (at most 200 characters), who then stays in one lane; without it each request counts as a user of its own. The answer's requestId is what /feedback takes. Errors are problem documents (RFC 9457).`,
    },
    components: {
      schemas: { Problem: json(problem, 'output') },
      securitySchemes: {
        ingest: { type: 'http', scheme: 'bearer' },
        probe: { type: 'http', scheme: 'bearer' },
      },
    },
    paths: {
      '/search': {
        post: {
          summary: 'Chunks that are near a text, near a vector, or likely to come after a context',
          parameters: [
            {
              name: LANE_HEADERS.requestKey,
              in: 'header',
              schema: { type: 'string', maxLength: 200 },
              description:
                'Id of the user, at most 200 characters: who sends the same one stays in one lane. Without it each request counts as a user of its own',
            },
            {
              name: LANE_HEADERS.requestId,
              in: 'header',
              schema: { type: 'string', maxLength: 200 },
              description: "The answer's requestId, which /feedback takes; drawn where absent",
            },
            {
              name: LANE_HEADERS.synthetic,
              in: 'header',
              schema: { type: 'string', maxLength: 200 },
              description:
                "Of a prober, with its bearer token: the request is answered like any other, and left out of the counts that judge a release. Without the token it is a user's",
            },
            ...parameters(),
          ],
          security: [{}, { probe: [] }],
          requestBody: {
            required: true,
            content: {
              'application/json': { schema: json(searchSchema, 'input') },
              'application/octet-stream': {
                schema: { type: 'string', format: 'binary', description: 'Little-endian float32' },
              },
            },
          },
          responses: { '200': answer('Results, best first', found), ...REFUSALS },
        },
      },
      '/encode': {
        post: {
          summary: 'Vectors of up to 64 texts, of unit norm',
          requestBody: body(encodeSchema),
          responses: { '200': answer("In the texts' order", encoded), ...REFUSALS },
        },
      },
      '/feedback': {
        post: {
          summary: 'Which result was right or clicked; up to a day late',
          requestBody: body(feedbackSchema),
          responses: {
            '202': answer('Heard; requests that were not sampled change nothing', heard),
            ...REFUSALS,
          },
        },
      },
      '/ingest': {
        post: {
          summary: 'Adds a chunk, or replaces the one of its id',
          security: [{ ingest: [] }],
          requestBody: body(chunkSchema),
          responses: {
            '200': answer('On the disk; searchable within a second', kept),
            ...TOKEN,
            ...REFUSALS,
          },
        },
      },
      '/ingest/{id}': {
        delete: {
          summary: 'Removes a chunk',
          security: [{ ingest: [] }],
          parameters: [
            {
              name: 'id',
              in: 'path',
              required: true,
              schema: { type: 'string', minLength: 1, maxLength: 200 },
            },
          ],
          responses: {
            '200': answer('On the disk; not found any more within a second', removed),
            ...TOKEN,
            ...REFUSALS,
          },
        },
      },
      '/openapi.json': {
        get: { summary: 'This document', responses: { '200': answer('OpenAPI 3.1', z.looseObject({})) } },
      },
      '/health': { get: { summary: 'Which release users get', responses: { '200': answer('Now', health) } } },
      '/ready': {
        get: {
          summary: 'Whether a search can be answered now; for probes and balancers of load',
          responses: {
            '200': answer('It can', z.object({ ready: z.literal(true) })),
            '503': refusal('It cannot, or the gateway is ending; `detail` says why'),
          },
        },
      },
      '/metrics': {
        get: {
          summary: "Prometheus' text format",
          responses: {
            '200': { description: 'Now', content: { 'text/plain': { schema: { type: 'string' } } } },
          },
        },
      },
    },
  };
}
