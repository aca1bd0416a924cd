import { Counter, Gauge, Histogram } from 'prom-client';
import { LATENCY_BOUNDS_SECONDS } from '../../domain/metrics/histogram.ts';
import { LANE_RECALL } from '../../domain/metrics/lane-self-metrics.ts';
import type { EncoderStats } from '../../retrieval/encoder/cached-encoder.ts';
import type { IndexStatistics } from '../../retrieval/index/open.ts';
import type { Inspection } from '../../retrieval/inspect.ts';
import type { PipelineAnswer, Recall } from '../../retrieval/pipeline.ts';
import { processRegistry } from '../http/registry.ts';
import type { Ingest } from './ingest.ts';

const TENTHS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1];

/** A lane's metrics, each declared once. */
export function createRetrieverMetrics() {
  const registry = processRegistry();
  const steps = new Histogram({
    name: 'retriever_step_seconds',
    help: 'Encode, predict, search and rerank of this lane',
    labelNames: ['step', 'kind'],
    buckets: [...LATENCY_BOUNDS_SECONDS],
    registers: [registry],
  });
  const quality = new Counter({
    name: 'retriever_quality_proxy_total',
    help: 'Answers with a result of cosine tau or more',
    labelNames: ['kind', 'hit'],
    registers: [registry],
  });
  const rank1 = new Counter({
    name: 'retriever_rerank_rank1_total',
    help: 'Answers whose rank 1 the reranker changed',
    labelNames: ['kind', 'changed'],
    registers: [registry],
  });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, registers: [registry] });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const rows = gauge('retriever_index_rows', 'Rows that can be found');
  const imbalance = gauge('retriever_index_imbalance', "FAISS's imbalance factor of the lists; 1 is even");
  const meanNorm = gauge('retriever_index_mean_norm', 'Mean L2 norm of the rows');
  const listRows = new Gauge({
    name: 'retriever_index_list_rows',
    help: 'Rows that this share of the lists has at most',
    labelNames: ['share'],
    registers: [registry],
  });
  const nearDuplicates = histogram(
    'retriever_near_duplicates',
    'Pairs above cosine 0.98 in the top 50',
    [0, 1, 2, 5, 10, 20, 50, 100, 1_225],
  );
  const topCosine = histogram('retriever_top5_cosine', 'Mean cosine of the pairs in the top 5', TENTHS);
  const listsHit = histogram(
    'retriever_lists_hit',
    'Lists that the top 50 lie in',
    [1, 2, 3, 4, 6, 8, 12, 16, 32],
  );
  const normError = histogram(
    'retriever_encoded_norm_error',
    'Distance of an encoded query from unit norm',
    [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1],
  );
  const recall = new Counter({
    name: LANE_RECALL.neighbours,
    help: 'The ten best chunks of sampled queries by an exact search, and whether the search with the lane nprobe found them',
    labelNames: ['found'],
    registers: [registry],
  });
  const recallQueries = new Counter({
    name: LANE_RECALL.queries,
    help: 'Queries, 0.1 % of all, that were compared with an exact search',
    registers: [registry],
  });
  const offset = gauge('retriever_ingest_offset_bytes', 'Bytes of the ingest log that were applied');
  const waiting = gauge('retriever_encoder_queued', 'Texts that wait for the encoder');
  const texts = new Gauge({
    name: 'retriever_encoder_texts',
    help: 'Texts since the lane began, by whether the model ran for them; those without are hits of the cache',
    labelNames: ['run'],
    registers: [registry],
  });
  const ingested = new Gauge({
    name: 'retriever_ingested',
    help: 'Records of the ingest log since the lane began, by what became of them',
    labelNames: ['outcome'],
    registers: [registry],
  });
  return {
    registry,
    /** Brings the gauges up to date, for a scrape. */
    index(statistics: IndexStatistics, ingest: Pick<Ingest, 'applied' | 'offset'> | undefined): void {
      rows.set(statistics.rows);
      if (statistics.imbalance !== null) imbalance.set(statistics.imbalance);
      meanNorm.set(statistics.meanNorm);
      const sizes = (statistics.listSizes ?? new Uint32Array(0)).toSorted();
      for (const share of [0, 0.5, 0.9, 0.99, 1])
        listRows.set({ share }, sizes[Math.floor(share * (sizes.length - 1))] ?? 0);
      if (ingest === undefined) return;
      offset.set(ingest.offset);
      for (const [outcome, count] of Object.entries(ingest.applied)) ingested.set({ outcome }, count);
    },
    encoder({ hits, misses, queued }: EncoderStats): void {
      texts.set({ run: 'no' }, hits);
      texts.set({ run: 'yes' }, misses);
      waiting.set(queued);
    },
    /** Of the sample that is looked at closely. */
    inspected(look: Inspection): void {
      nearDuplicates.observe(look.nearDuplicates);
      if (look.meanTop5Cosine !== null) topCosine.observe(look.meanTop5Cosine);
      if (look.listsHit !== null) listsHit.observe(look.listsHit);
      if (look.encodedNorm !== null) normError.observe(Math.abs(look.encodedNorm - 1));
    },
    /** Of the few answers that were compared with an exact search. */
    recalled({ found, expected }: Recall): void {
      recallQueries.inc();
      recall.inc({ found: 'yes' }, found);
      recall.inc({ found: 'no' }, expected - found);
    },
    observe(kind: string, { timings, quality: hit, rank1Changed }: PipelineAnswer): void {
      const { encodeMs, predictMs, searchMs, rerankMs } = timings;
      for (const [step, ms] of Object.entries({
        encode: encodeMs,
        predict: predictMs,
        search: searchMs,
        rerank: rerankMs,
      }))
        if (ms !== null) steps.observe({ step, kind }, ms / 1000);
      quality.inc({ kind, hit: hit === 'hit' ? 'yes' : 'no' });
      if (rank1Changed !== null) rank1.inc({ kind, changed: rank1Changed ? 'yes' : 'no' });
    },
  };
}
