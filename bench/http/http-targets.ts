import type { BodyKind } from '../load/question.ts';
import type { Target } from '../targets.ts';
import type { HttpRow } from './measure.ts';

/** What the gateway adds at the median, in ms; null where a body was not measured. */
export type GatewayAdds = Readonly<Record<BodyKind, number | null>>;

/** The promises about throughput and latency. Peers count with the number of workers that suits them best. */
export function httpTargets(rows: readonly HttpRow[], adds: GatewayAdds): Target[] {
  const top = (service: string, body: BodyKind) => {
    const found = rows.filter((row) => row.service === service && row.body === body).map((row) => row.top);
    return found.length === 0 ? null : Math.max(...found);
  };
  const over = (service: string, peer: string, body: BodyKind, peerBody = body) => {
    const [ours, theirs] = [top(service, body), top(peer, peerBody)];
    return ours === null || theirs === null ? null : ours / theirs;
  };
  const atLeast = (what: string, limit: number, value: number | null): Target => ({
    what,
    limit,
    value,
    sense: 'at least',
    unit: 'x',
  });
  const tuned = 'Python, tuned';
  const bodies = ['json', 'binary'] as const;
  return [
    atLeast(
      'top rate of gateway + retriever over the straightforward Python service, json:',
      2,
      over('gateway + retriever', 'Python, FastAPI', 'json'),
    ),
    ...bodies.flatMap((body) => [
      atLeast(
        `top rate of gateway + retriever over the tuned Python service, ${body}:`,
        1,
        over('gateway + retriever', tuned, body),
      ),
      atLeast(
        `top rate of the retriever alone over the tuned Python service, ${body}:`,
        1.5,
        over('retriever alone', tuned, body),
      ),
      ...latencyTargets(rows, adds, body),
    ]),
  ];
}

function latencyTargets(rows: readonly HttpRow[], adds: GatewayAdds, body: BodyKind): Target[] {
  const through = rows.find((row) => row.service === 'gateway + retriever' && row.body === body);
  return [
    {
      what: `gateway + retriever, P95 at half of the top rate, ${body}:`,
      limit: 4,
      sense: 'at most',
      value: through?.p95 ?? null,
      unit: ' ms',
    },
    {
      what: `what the gateway adds at the median, one connection, ${body}:`,
      limit: 0.3,
      sense: 'at most',
      value: adds[body],
      unit: ' ms',
    },
  ];
}
