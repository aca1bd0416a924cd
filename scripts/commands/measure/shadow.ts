import { join } from 'node:path';
import { z } from 'zod';
import type { LoadLane, SetTraffic } from '../../../domain/control/change.ts';
import type { Sample } from '../../../domain/metrics/prometheus-text.ts';
import { scrape } from '../../../clients/scrape.ts';
import { GATEWAY_METRICS } from '../../../domain/metrics/snapshot.ts';
import { changed, createGatewayClient } from '../../../clients/gateway-client.ts';
import type { MeasuredGateway } from '../../../devstack/measured-gateway.ts';
import { onMeasuredGateway } from '../../../devstack/measured-gateway.ts';
import { nodeCommand, startProcess } from '../../../devstack/process.ts';
import type { TrafficReport } from '../../../devstack/traffic/tally.ts';
import { command } from '../../cli/command.ts';
import { count, positive } from '../../cli/options.ts';
import { releasesFolder } from '../../cli/paths.ts';

const CANARY_PERCENT = 5;

interface Load {
  readonly releasesDir: string;
  readonly stable: string;
  readonly candidate: string;
  readonly rate: number;
  readonly seconds: number;
  readonly shadow: number;
  readonly rounds: number;
}

/** The same traffic on a gateway with a candidate at 5 %, in turns without and with a shadow. */
export const shadow = command({
  example: '--rate 150 --shadow 20 --rounds 3',
  options: {
    stable: { value: 'NAME', help: 'the stable release', schema: z.string().default('v-1') },
    candidate: { value: 'NAME', help: 'the candidate', schema: z.string().default('retriever_v0') },
    rate: { value: 'QPS', help: 'requests a second', schema: positive.prefault('150') },
    shadow: {
      value: 'PERCENT',
      help: 'percent of the queries that are shadowed',
      schema: positive.prefault('20'),
    },
    seconds: { value: 'N', help: 'of each turn', schema: positive.prefault('20') },
    rounds: { value: 'N', help: 'turns without and with it', schema: count.prefault('3') },
  },
  async run(values) {
    const load = { ...values, releasesDir: releasesFolder() };
    const { reports, shadowed } = await onMeasuredGateway(load, (gateway) => measure(gateway, load));
    return {
      passed: true,
      lines: [
        ...reports.map(lineOf),
        ...shadowed.map(({ labels, value }) => `shadowed queries ${labels['outcome']}: ${value}`),
      ],
      result: { reports, shadowed },
    };
  },
});

interface Reports {
  readonly percent: number;
  readonly of: TrafficReport[];
}

async function measure({ urls, token, folder }: MeasuredGateway, load: Load) {
  const client = createGatewayClient({ ...urls, token: { value: token } });
  const change = (wanted: SetTraffic | LoadLane) =>
    client.change({ by: 'measure-shadow', commands: [wanted] }).then(changed);
  await change({ kind: 'loadLane', lane: 'candidate', release: load.candidate });
  while ((await client.view()).lanes.candidate?.state !== 'ready')
    await new Promise((resolve) => setTimeout(resolve, 200));
  await change({ kind: 'setTraffic', percent: CANARY_PERCENT });
  await users(urls.gateway, folder, load);
  const reports: Reports[] = [0, load.shadow].map((percent) => ({ percent, of: [] }));
  for (let round = 0; round < load.rounds; round++)
    for (const { percent, of } of reports) {
      await change({ kind: 'setTraffic', shadowPercent: percent });
      of.push(await users(urls.gateway, folder, load));
    }
  return { reports, shadowed: await samples(urls.gateway, GATEWAY_METRICS.shadow) };
}

function lineOf({ percent, of }: Reports): string {
  const each = (value: (report: TrafficReport) => number | null) =>
    of.map((report) => (value(report) ?? Number.NaN).toFixed(2)).join(', ');
  const sum = (value: (report: TrafficReport) => number) =>
    of.reduce((total, report) => total + value(report), 0);
  return (
    `shadow ${percent} %: P50 ${each(({ p50Ms }) => p50Ms)} ms; P95 ${each(({ p95Ms }) => p95Ms)} ms; ` +
    `${sum(({ answered }) => answered)} answers, ${sum(({ errors }) => errors)} errors`
  );
}

async function samples(url: string, name: string): Promise<Sample[]> {
  return (await scrape(url)).filter((sample) => sample.name === name);
}

/** One turn of traffic; its last report. */
async function users(
  url: string,
  folder: string,
  { releasesDir, stable, rate, seconds }: Load,
): Promise<TrafficReport> {
  let last: TrafficReport | null = null;
  const options = { gateway: url, release: join(releasesDir, stable), rate, seconds };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const traffic = startProcess({
    name: 'traffic',
    command: nodeCommand('scripts/cli', 'traffic', ...args),
    logFile: join(folder, 'traffic.log'),
    onLine: (line) => {
      if (line.startsWith('{')) last = JSON.parse(line);
    },
  });
  await traffic.ended;
  if (last === null) throw new Error('the simulated users reported nothing');
  return last;
}
