import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { LATENCY_BOUNDS_SECONDS } from '../../domain/telemetry.ts';

/** A lane's own metrics, for diagnosis: gates judge the gateway's, which outlive a lane. */
export function createRetrieverMetrics(release: string) {
  const registry = new Registry();
  registry.setDefaultLabels({ release });
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    requests: new Counter({
      name: 'retriever_requests_total',
      help: 'Searches by kind and outcome (ok, client_error, error)',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
    steps: new Histogram({
      name: 'retriever_step_seconds',
      help: 'Time of encode, predict, search and rerank',
      labelNames: ['step', 'kind'],
      buckets: [...LATENCY_BOUNDS_SECONDS],
      registers,
    }),
  };
}

export type RetrieverMetrics = ReturnType<typeof createRetrieverMetrics>;
