import type { Flags } from '../domain/control/state.ts';
import { EVALUATION_DEPTH } from '../domain/evaluation/ranking-metrics.ts';
import type { Orders, SearchResult, StepTimings } from '../domain/control/http.ts';
import type { CandidateQuery, Candidates, SearchableCorpus } from './candidates.ts';
import { findCandidates, joined } from './candidates.ts';
import type { CorpusChunk } from './corpus/jsonl.ts';
import type { Inspection } from './inspect.ts';
import { inspectAnswer } from './inspect.ts';
import type { Predictor } from './predictor/predictor.ts';
import type { AnswerExplanation, Ranking } from './explain.ts';
import { EXPLAINED, explainAnswer, explainResult } from './explain.ts';
import { rerankFeatures } from './reranker/features.ts';
import type { Reranker } from './reranker/reranker.ts';
import { orderOf } from './reranker/reranker.ts';
import type { EncodeOptions } from './encoder/pool.ts';
import type { TextRole } from './encoder/text-encoder.ts';

/** Recall@10, as the runbook has it. */
const RECALL_DEPTH = 10;

export type PipelineQuery = (
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'vector'; readonly vector: Float32Array }
  | { readonly kind: 'context'; readonly context: readonly (string | Float32Array)[] }
) & {
  /** Results wanted, 1..50. */
  readonly k: number;
  readonly exclude: readonly string[];
  /** Whether results carry their text, and the first five why they are there. */
  readonly explain?: boolean;
  /** Whether to answer from the release's own corpus, without what came or went since: as its probes were made. */
  readonly asBuilt?: boolean;
  /** Whether `orders`, `inspect` or `explain` will be asked: then all 50 candidates are fetched, however few results are wanted. */
  readonly whole?: boolean;
} & EncodeOptions;

/** How much of the truth was found: `found` of the `expected` best rows by cosine. */
export interface Recall {
  readonly found: number;
  readonly expected: number;
}

export interface PipelineAnswer {
  readonly results: SearchResult[];
  readonly timings: StepTimings;
  /** Whether a text was not in the cache, so that the encoder's model had to run. */
  readonly modelRan: boolean;
  /** `hit`: one of the candidates has cosine >= the release's tau. */
  readonly quality: 'hit' | 'miss';
  /** Null where nothing was reranked. */
  readonly rank1Changed: boolean | null;
  /** Ids of the candidates by cosine, and as the reranker ordered them; null where it did not run. */
  orders(): Orders;
  /** A closer look, about a millisecond. */
  inspect(): Inspection;
  /** Why it is as it is, for a person: about as long. */
  explain(): AnswerExplanation;
  /** What an exact search finds, beside what this one found: a scan of the whole index, so for few answers only. */
  recall(): Promise<Recall>;
}

export interface SearchParts {
  readonly corpus: SearchableCorpus;
  readonly predictors: { readonly amn_v0: Predictor; readonly gru_v0: Predictor };
  readonly reranker: Reranker;
  encode(text: string, role: TextRole, options: EncodeOptions): Promise<Float32Array>;
  readonly tau: number;
}

/** One query through encoder, predictor, index and reranker; see Pipeline.search. */
export async function searchRelease(
  parts: SearchParts,
  query: PipelineQuery,
  flags: Flags,
): Promise<PipelineAnswer> {
  let modelRan = false;
  const onRun = () => {
    modelRan = true;
  };
  const encoded = await timed(() => encodeQuery(parts, { ...query, onRun }));
  const { vectors, fromText } = encoded.value;
  const isContext = query.kind === 'context';
  for (const vector of vectors) checkVector(vector, parts.corpus.dimension);
  const predicted = isContext
    ? await timed(() => parts.predictors[flags.impl].predict(joined(vectors)))
    : null;
  const vector = predicted?.value ?? vectors[0] ?? new Float32Array(0);
  const context = isContext ? vectors : [];
  const asked: CandidateQuery = {
    vector,
    context,
    exclude: query.exclude,
    nprobe: flags.nprobe,
    asBuilt: query.asBuilt === true,
    depth: depthOf(query),
  };
  const found = await timed(() => findCandidates(parts.corpus, asked));
  const rerank = isContext && flags.reranker === 'on' && found.value.rows.length > 0;
  const reranked = rerank ? await timed(() => rerankedOrder(parts, found.value, context)) : null;
  const order = reranked?.value.order ?? [...found.value.rows.keys()];
  const top = order.slice(0, query.k);
  return {
    results:
      query.explain === true
        ? explained(parts, found.value, top, reranked?.value ?? unranked(parts, found.value, context))
        : top.map((i) => resultOf(parts, found.value, i)),
    timings: {
      encodeMs: fromText ? encoded.ms : null,
      predictMs: predicted?.ms ?? null,
      searchMs: found.ms,
      rerankMs: reranked?.ms ?? null,
    },
    modelRan,
    quality: (found.value.cosines[0] ?? -1) >= parts.tau ? 'hit' : 'miss',
    rank1Changed: reranked ? order[0] !== 0 : null,
    orders: () => {
      const idsIn = (places: Iterable<number>) =>
        Array.from(places, (i) => chunkOf(parts.corpus, found.value, i).id);
      return { plain: idsIn(found.value.rows.keys()), reranked: reranked ? idsIn(order) : null };
    },
    inspect: () =>
      inspectAnswer(parts.corpus.index, found.value.rows, fromText ? (vectors[0] ?? null) : null),
    explain: () =>
      explainAnswer({
        cosines: found.value.cosines,
        order: top,
        ranking: reranked?.value ?? unranked(parts, found.value, context),
        chunk: (place) => chunkOf(parts.corpus, found.value, place),
      }),
    recall: () => recallOf(parts.corpus, asked, found.value),
  };
}

/** The scan over all lists is exact (test/native/exact.test.ts), and knows of chunks that came since the build. */
async function recallOf(
  corpus: SearchableCorpus,
  asked: CandidateQuery,
  { rows }: Candidates,
): Promise<Recall> {
  const depth = Math.min(RECALL_DEPTH, asked.depth ?? RECALL_DEPTH);
  const truth = await findCandidates(corpus, { ...asked, depth, nprobe: corpus.index.nlist ?? 1 });
  const found = new Set(rows.slice(0, depth));
  return { found: truth.rows.filter((row) => found.has(row)).length, expected: truth.rows.length };
}

/** A reranker, an explanation and a closer look need all candidates; a plain search only its results. */
function depthOf({ kind, k, explain, whole }: PipelineQuery): number {
  return kind === 'context' || explain === true || whole === true ? EVALUATION_DEPTH : k;
}

async function encodeQuery(
  { encode }: SearchParts,
  query: PipelineQuery,
): Promise<{ vectors: Float32Array[]; fromText: boolean }> {
  if (query.kind === 'text') return { vectors: [await encode(query.text, 'query', query)], fromText: true };
  if (query.kind === 'vector') return { vectors: [query.vector], fromText: false };
  // Chunks of a context are passages: so they were encoded for the index, and so the predictor was trained.
  const encodeChunk = async (chunk: string | Float32Array) =>
    typeof chunk === 'string' ? encode(chunk, 'passage', query) : chunk;
  const fromText = query.context.some((chunk) => typeof chunk === 'string');
  return { vectors: await Promise.all(query.context.map(encodeChunk)), fromText };
}

function checkVector(vector: Float32Array, dimension: number): void {
  if (vector.length !== dimension)
    throw new RangeError(`a vector has ${vector.length} numbers, this release has dimension ${dimension}`);
  if (!vector.every(Number.isFinite))
    throw new RangeError('a vector holds a value that is not a finite number');
}

async function rerankedOrder(
  parts: SearchParts,
  found: Candidates,
  context: readonly Float32Array[],
): Promise<Ranking & { order: number[] }> {
  const ranking = unranked(parts, found, context);
  const scores = await parts.reranker.score(ranking.features);
  return { ...ranking, scores, order: orderOf(scores) };
}

function unranked({ corpus }: SearchParts, found: Candidates, context: readonly Float32Array[]): Ranking {
  const { rows, cosines } = found;
  const { dimension } = corpus;
  const features = rerankFeatures({ dimension, cosines, vectors: corpus.index.vectorsOf(rows), context });
  return { features, scores: null, hasContext: context.length > 0 };
}

function resultOf({ corpus }: SearchParts, found: Candidates, i: number): SearchResult {
  const { id, article } = chunkOf(corpus, found, i);
  return { id, score: found.cosines[i] ?? 0, article };
}

function explained(
  parts: SearchParts,
  found: Candidates,
  order: readonly number[],
  ranking: Ranking,
): SearchResult[] {
  return order.map((i, place) => ({
    ...resultOf(parts, found, i),
    text: chunkOf(parts.corpus, found, i).text,
    ...(place < EXPLAINED ? { why: explainResult(ranking, i) } : {}),
  }));
}

function chunkOf(corpus: SearchableCorpus, found: Candidates, i: number): CorpusChunk {
  const chunk = corpus.chunks[found.rows[i] ?? -1];
  if (!chunk) throw new Error(`the index returned row ${found.rows[i]}, which the corpus map does not have`);
  return chunk;
}

async function timed<T>(step: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const begin = performance.now();
  const value = await step();
  return { value, ms: performance.now() - begin };
}
