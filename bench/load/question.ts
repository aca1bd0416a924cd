import { z } from 'zod';

/** How the vector of a query travels: `{"vector": [...], "k": 10}`, or little-endian float32 and `?k=10`. */
export type BodyKind = 'json' | 'binary';

const body = z.enum(['json', 'binary']);

const question = z.discriminatedUnion('kind', [
  /** Requests at the times of a Poisson process, whatever becomes of the earlier ones. */
  z.object({
    kind: z.literal('open'),
    url: z.string(),
    body,
    /** A second. */
    rate: z.number().positive(),
    /** At the same rate, before what counts. */
    warmUpSeconds: z.number(),
    seconds: z.number(),
    seed: z.number(),
  }),
  /** One request after the other on one connection each, in turns to either address. */
  z.object({ kind: z.literal('turns'), urls: z.array(z.string()), body, requests: z.number() }),
]);
export type Question = z.infer<typeof question>;
export type OpenQuestion = Extract<Question, { kind: 'open' }>;
export type TurnsQuestion = Extract<Question, { kind: 'turns' }>;

/** Latencies in ms from the time at which each request was due. */
const loadStep = z.object({
  /** Answers that count. */
  answers: z.number(),
  /** Answers that were no 200, broken connections, and requests without an answer. */
  errors: z.number(),
  firstError: z.string().nullable(),
  /** Requests piled up for a second: it was given up, and the latencies mean nothing. */
  overrun: z.boolean(),
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  /** Time from when a request was due until the generator sent it, which is part of the latency. */
  lagP50: z.number(),
  lagP95: z.number(),
  /** Share of one core that the generator used. */
  cpuShare: z.number(),
});
export type LoadStep = z.infer<typeof loadStep>;

/** Median latency in ms of each address, in their order. */
const turns = z.object({ medians: z.array(z.number()) });
export type Turns = z.infer<typeof turns>;

export const parseQuestion = (value: unknown): Question => question.parse(value);
export const parseLoadStep = (value: unknown): LoadStep => loadStep.parse(value);
export const parseTurns = (value: unknown): Turns => turns.parse(value);
