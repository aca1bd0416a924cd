import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { Detectability } from '../../../domain/power/power-analysis.ts';
import { planDetectability } from '../../../domain/power/power-analysis.ts';
import { sum } from '../../../domain/metrics/samples.ts';
import { scrape } from '../../../clients/scrape.ts';
import { definitionOf } from '../../../domain/metrics/registry.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { GATEWAY_METRICS } from '../../../domain/metrics/snapshot.ts';
import { gatewayFromEnv } from '../../../clients/gateway-client.ts';
import { UsageError, command } from '../../cli/command.ts';
import { positive } from '../../cli/options.ts';
import { DEFAULT_PLAN, readPlan } from './plan-file.ts';
import { formatClock } from './format-status.ts';

/** Between the two looks at the gateway's counters. */
const MEASURE_MS = 5_000;

type Row = Detectability['rows'][number];

export const plan = command({
  example: 'runbook-48h --rate 20',
  options: {
    plan: {
      value: 'NAME',
      positional: true,
      help: 'a name in plans/, or a .yaml file',
      schema: z.string().default(DEFAULT_PLAN),
    },
    rate: {
      value: 'QPS',
      help: 'context requests a second, both lanes together (default: measured at the gateway)',
      schema: positive.optional(),
    },
  },
  async run({ plan: name, rate }) {
    const read = await readPlan(name);
    const measured = rate ?? (await measuredRate());
    const found = planDetectability(read, measured);
    const { refusals, warnings } = found;
    return {
      passed: refusals.length === 0,
      lines: [
        `${read.name}: ${read.describes}, at ${Number(measured.toPrecision(3))} requests a second${rate === undefined ? ' (measured)' : ''}`,
        ...read.stages.flatMap((stage) => stageLines(read, stage, found)),
        ...warnings.map((text) => `⚠ ${text}`),
        ...refusals.map((text) => `✗ ${text}`),
        refusals.length === 0
          ? 'a good release can pass by this plan'
          : 'refused: at this traffic a good release would be held',
      ],
      result: { plan: read.name, requestsPerSecond: measured, ...found },
    };
  },
});

function stageLines(
  { guard }: Plan,
  stage: Plan['stages'][number],
  { rows, emergencies }: Detectability,
): string[] {
  const minutes = emergencies.find(({ stage: of }) => of === stage.name)?.minutes ?? null;
  const at = `${formatClock(stage.atMs)} after T0, decided at ${formatClock(stage.decideAtMs)}`;
  const emergency =
    minutes === null
      ? `no ${guard.triggers.length === 0 ? 'trigger' : 'requests'} to see an emergency by`
      : `a gross failure would be noticed within ${minutes.toFixed(1)} minutes`;
  return [
    `${stage.name}  ${stage.percent} %  ${stage.runbookAt} to ${stage.runbookDecideAt}  (${at}); ${emergency}`,
    ...rowLines(rows.filter((row) => row.stage === stage.name)),
  ];
}

/** The rows of one stage; what stands twice is distinguished by its limit. */
function rowLines(rows: readonly Row[]): string[] {
  const names = rows.map(nameOf);
  return rows.map((row, i) => {
    const name = names[i] ?? '';
    return rowLine(row, names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} ${limitOf(row)}`);
  });
}

const nameOf = ({ metric, compareTo }: Row) => (compareTo === 'stable' ? `${metric} against stable` : metric);

function limitOf({ metric, warnAbove, failAbove, onFail }: Row): string {
  const say = (limit: number) =>
    definitionOf(metric).unit === 'ms' ? `${limit} ms` : `${Number((100 * limit).toPrecision(3))} points`;
  return [
    ...(warnAbove === null ? [] : [`over ${say(warnAbove)}: warn`]),
    ...(failAbove === null ? [] : [`over ${say(failAbove)}: ${onFail}`]),
  ].join(', ');
}

function rowLine({ requests, requestsAtMost, passAfterMs, detects }: Row, what: string): string {
  const n = `${Math.round(requests).toLocaleString('en')} to ${Math.round(requestsAtMost).toLocaleString('en')} requests`;
  const passes =
    passAfterMs === null
      ? 'never passes'
      : passAfterMs === 0
        ? 'passes at the first look'
        : `passes after ${formatClock(passAfterMs)} more`;
  const tells =
    detects === null ? 'no size can be stated' : `can tell ${detects.replace(/^\+/, 'a rise of ')}`;
  return `    ${what.padEnd(42)} ${n}; ${passes}; ${tells}`;
}

/** Judged context requests a second, between two looks at the gateway's counters. */
async function measuredRate(): Promise<number> {
  const [from, fromMs] = [await judgedRequests(), Date.now()];
  await pause(MEASURE_MS);
  const rate = ((await judgedRequests()) - from) / ((Date.now() - fromMs) / 1000);
  if (rate > 0) return rate;
  throw new UsageError('the gateway has no traffic now: state the rate with --rate QPS');
}

async function judgedRequests(): Promise<number> {
  const { gateway } = gatewayFromEnv(process.env);
  const samples = await scrape(gateway).catch(() => {
    throw new UsageError(`no gateway answers at ${gateway}: state the rate with --rate QPS`);
  });
  const judged = (outcome: string) => sum(samples, GATEWAY_METRICS.requests, { outcome });
  return judged('ok') + judged('error');
}
