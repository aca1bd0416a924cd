import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { LATENCY_BOUNDS_SECONDS } from '../../domain/telemetry.ts';
import type { IndexStatistics } from '../../retrieval/index/open.ts';
import type { PipelineAnswer } from '../../retrieval/pipeline.ts';
import type { Ingest } from './ingest.ts';

/** A lane's metrics, each declared once. */
export function createRetrieverMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
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
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [registry] });
  const rows = gauge('retriever_index_rows', 'Rows that can be found');
  const imbalance = gauge('retriever_index_imbalance', "FAISS's imbalance factor of the lists; 1 is even");
  const meanNorm = gauge('retriever_index_mean_norm', 'Mean L2 norm of the rows');
  const largest = gauge('retriever_index_largest_list', 'Rows in the largest list');
  const offset = gauge('retriever_ingest_offset_bytes', 'Bytes of the ingest log that were applied');
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
      largest.set(Math.max(0, ...(statistics.listSizes ?? [])));
      if (ingest === undefined) return;
      offset.set(ingest.offset);
      for (const [outcome, count] of Object.entries(ingest.applied)) ingested.set({ outcome }, count);
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
