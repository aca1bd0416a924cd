import { join } from 'node:path';
import { barChart } from '../chart.ts';
import type { GatewayAdds } from '../http/http-targets.ts';
import { httpTargets } from '../http/http-targets.ts';
import type { Candidate, HttpRow } from '../http/measure.ts';
import { measureHttp } from '../http/measure.ts';
import { checkAnswers } from '../http/same-answers.ts';
import type { Service } from '../http/services.ts';
import { GATEWAY, RETRIEVER, plainPython, tunedPython } from '../http/services.ts';
import { LIMIT_MS } from '../http/top-rate.ts';
import { prepareRequests } from '../load/bodies.ts';
import type { LoadGenerator } from '../load/generator.ts';
import { startGenerator } from '../load/generator.ts';
import { printTable, whole } from '../table.ts';
import { printTargets } from '../targets.ts';
import type { PartOptions } from './part.ts';
import { settingOf, writeResults } from './part.ts';

const SERVICES = [GATEWAY, RETRIEVER, plainPython(1), plainPython(2), tunedPython(1), tunedPython(2)];
const TURNS = 1_500;

/** The whole service beside Python services with the same index, open loop at rising load. */
export async function runHttp(options: PartOptions): Promise<void> {
  const setting = await settingOf(options);
  const { set } = setting.release;
  const queries = join(set.dir, 'queries.npy');
  const services: Service[] = [];
  for (const spec of SERVICES) services.push(await spec.start(setting));
  const generator = startGenerator(queries);
  options.onEnd(() => generator.close());

  const { candidates, skipped, differing, compared } = await checkAnswers(
    services,
    await prepareRequests(queries),
  );
  console.log(`${differing} of ${compared} results have another id than the first service's`);
  for (const reason of skipped) console.log(reason);
  const rows = await measureHttp(generator, candidates, options);
  const adds = await gatewayAdds(generator, candidates);
  print(set.name, rows);
  const targets = httpTargets(rows, adds);
  printTargets(targets);
  for (const service of services) await service.stop();
  generator.close();
  const results = { set, rows, adds, targets, skipped, differing, compared };
  await writeResults('http', options, results, { http: chartOf(set.name, rows) });
}

async function gatewayAdds(generator: LoadGenerator, candidates: readonly Candidate[]): Promise<GatewayAdds> {
  const adds: { -readonly [body in keyof GatewayAdds]: number | null } = { json: null, binary: null };
  for (const body of ['json', 'binary'] as const) {
    const [through, straight] = [GATEWAY, RETRIEVER].map((spec) =>
      candidates.find((candidate) => candidate.service.spec === spec && candidate.body === body),
    );
    if (!through || !straight) continue;
    const urls = [through.service.url, straight.service.url];
    const { medians } = await generator.turns({ urls, body, requests: TURNS });
    adds[body] = (medians[0] ?? NaN) - (medians[1] ?? NaN);
  }
  return adds;
}

function print(set: string, rows: readonly HttpRow[]): void {
  const head = ['service', 'workers', 'body', `top/s, P95 ${LIMIT_MS} ms`, 'limit', 'of FastAPI'];
  const plain = Math.max(
    ...rows.filter(({ service }) => service === 'Python, FastAPI').map(({ top }) => top),
  );
  const cells = rows.map(({ service, workers, body, top, limit, p50, p95, p99, lagP95, otherShare }) => [
    service,
    String(workers),
    body,
    whole(top),
    limit,
    (top / plain).toFixed(2),
    p50.toFixed(2),
    p95.toFixed(2),
    p99.toFixed(2),
    lagP95.toFixed(2),
    `${Math.round(100 * otherShare)} %`,
  ]);
  const title = `${set}, k 10, open loop; latencies in ms from when a request was due, at half of the top rate`;
  printTable(title, [...head, 'p50', 'p95', 'p99', 'sent late, p95', 'others'], cells, 3);
}

function chartOf(set: string, rows: readonly HttpRow[]): string {
  const bars = rows.map(({ service, workers, body, top }) => ({
    group: `${service}${service.startsWith('Python') ? `, ${workers} worker${workers === 1 ? '' : 's'}` : ''}`,
    series: `${body} bodies`,
    value: top,
    text: `${whole(top)}/s`,
  }));
  return barChart(`Requests a second within a P95 of ${LIMIT_MS} ms, ${set}`, bars);
}
