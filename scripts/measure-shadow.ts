/**
 * Prints what the shadow costs users: the same traffic on a gateway with a candidate at 5 %, in turns without and with a
 * shadow. `measure-shadow.ts [--stable v-1] [--candidate retriever_v0] [--rate 150] [--shadow 20] [--seconds 20]
 * [--rounds 3]`
 */
import { join } from 'node:path';
import type { LoadLane, SetTraffic } from '../domain/control/change.ts';
import type { Sample } from '../domain/metrics/prometheus-text.ts';
import { scrape } from '../clients/scrape.ts';
import { GATEWAY_METRICS } from '../domain/metrics/snapshot.ts';
import { createGatewayClient } from '../devstack/gateway-client.ts';
import type { MeasuredGateway } from '../devstack/measured-gateway.ts';
import { onMeasuredGateway } from '../devstack/measured-gateway.ts';
import { nodeCommand, startProcess } from '../devstack/process.ts';
import { releasesFolder } from './tool/places.ts';
import { readOptions, settingsOrUsage } from './tool/usage.ts';
import type { TrafficReport } from '../devstack/traffic/tally.ts';

const USAGE =
  'usage: measure-shadow [--stable NAME] [--candidate NAME] [--rate QPS] [--shadow PERCENT] [--seconds N] [--rounds N]';
const values = readOptions(USAGE, {
  options: {
    stable: { type: 'string', default: 'v-1' },
    candidate: { type: 'string', default: 'retriever_v0' },
    rate: { type: 'string', default: '150' },
    shadow: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
  },
});
const CANARY_PERCENT = 5;
const releasesDir = settingsOrUsage(USAGE, releasesFolder);
await onMeasuredGateway({ releasesDir, stable: values.stable }, measure);

async function measure({ urls, token, folder }: MeasuredGateway): Promise<void> {
  const client = createGatewayClient({ ...urls, token: { value: token } });
  const change = (command: SetTraffic | LoadLane) =>
    client.change({ by: 'measure-shadow', commands: [command] });
  await change({ kind: 'loadLane', lane: 'candidate', release: values.candidate });
  while ((await client.control()).lanes.candidate?.state !== 'ready')
    await new Promise((resolve) => setTimeout(resolve, 200));
  await change({ kind: 'setTraffic', percent: CANARY_PERCENT });
  await users(urls.gateway, folder);
  const reports: Record<string, TrafficReport[]> = { '0': [], [values.shadow]: [] };
  for (let round = 0; round < Number(values.rounds); round++)
    for (const [shadow, of] of Object.entries(reports)) {
      await change({ kind: 'setTraffic', shadowPercent: Number(shadow) });
      of.push(await users(urls.gateway, folder));
    }
  for (const [shadow, of] of Object.entries(reports)) {
    const each = (value: (report: TrafficReport) => number | null) =>
      of.map((report) => (value(report) ?? NaN).toFixed(2));
    console.log(
      `shadow ${shadow} %: P50 ${each(({ p50Ms }) => p50Ms).join(', ')} ms; P95 ${each(({ p95Ms }) => p95Ms).join(', ')} ms; ` +
        `${of.reduce((sum, { answered }) => sum + answered, 0)} answers, ${of.reduce((sum, { errors }) => sum + errors, 0)} errors`,
    );
  }
  for (const { labels, value } of await samples(urls.gateway, GATEWAY_METRICS.shadow))
    console.log(`shadowed queries ${labels['outcome']}: ${value}`);
}

async function samples(url: string, name: string): Promise<Sample[]> {
  return (await scrape(url)).filter((sample) => sample.name === name);
}

/** One stretch of traffic; its last report. */
async function users(url: string, folder: string): Promise<TrafficReport> {
  let last: TrafficReport | null = null;
  const { rate, seconds } = values;
  const release = join(releasesDir, values.stable);
  const traffic = startProcess({
    name: 'traffic',
    command: nodeCommand(
      'scripts/traffic',
      '--gateway',
      url,
      '--release',
      release,
      '--rate',
      rate,
      '--seconds',
      seconds,
    ),
    logFile: join(folder, 'traffic.log'),
    onLine: (line) => {
      if (line.startsWith('{')) last = JSON.parse(line);
    },
  });
  await traffic.ended;
  if (last === null) throw new Error('the simulated users said nothing');
  return last;
}
