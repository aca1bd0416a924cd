import { Registry, collectDefaultMetrics } from 'prom-client';

/** Gauges of prom-client that are named like counters; their namesakes without `_total` say the same, by type. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** A registry with what a Node process says of itself, as Prometheus' conventions want it. */
export function processRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  return registry;
}
