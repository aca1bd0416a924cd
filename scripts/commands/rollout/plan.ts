import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import {
  describeRefusal,
  describeWarning,
  formatEffectiveLimits,
  formatValue,
  nameOf,
} from '../../../domain/power/describe-power.ts';
import type { PowerAnalysis } from '../../../domain/power/power-analysis.ts';
import { analysePower } from '../../../domain/power/power-analysis.ts';
import type { RowPower } from '../../../domain/power/row-power.ts';
import { sum } from '../../../domain/metrics/samples.ts';
import { scrape } from '../../../clients/scrape.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { GATEWAY_METRICS } from '../../../domain/metrics/snapshot.ts';
import { gatewayFromEnv } from '../../../clients/gateway-client.ts';
import { UsageError, command } from '../../cli/command.ts';
import { positive } from '../../cli/options.ts';
import { DEFAULT_PLAN, readPlan } from './plan-file.ts';
import { formatClock } from './format-status.ts';

/** Between the two looks at the gateway's counters. */
const MEASURE_MS = 5_000;

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
    const found = analysePower(read, measured);
    const { refusals, warnings } = found;
    return {
      passed: refusals.length === 0,
      lines: [
        `${read.name}: ${read.describes}, at ${Number(measured.toPrecision(3))} requests a second${rate === undefined ? ' (measured)' : ''}`,
        ...read.stages.flatMap((stage) => stageLines(read, stage, found)),
        ...warnings.map((warning) => `⚠ ${describeWarning(warning)}`),
        ...refusals.map((refusal) => `✗ ${describeRefusal(refusal)}`),
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
  { rows, emergencies }: PowerAnalysis,
): string[] {
  const minutes = emergencies.find(({ stage: of }) => of === stage.name)?.minutes ?? null;
  const at = `${formatClock(stage.atMs)} after T0, decided at ${formatClock(stage.decideAtMs)}`;
  const emergency =
    minutes === null
      ? `no ${guard.triggers.length === 0 ? 'trigger' : 'requests'} to see an emergency by`
      : `a gross failure would be noticed within ${minutes.toFixed(1)} minutes`;
  return [
    `${stage.name}  ${stage.percent} %  ${stage.runbookAt} to ${stage.runbookDecideAt}  (${at}); ${emergency}`,
    ...rows.filter((row) => row.stage === stage.name).flatMap(rowLines),
  ];
}

/** A row, and the limits that are in effect at this traffic. */
function rowLines(row: RowPower): string[] {
  const { effectiveLimits } = row;
  if (effectiveLimits === null) return [rowLine(row)];
  const [first, last] = [effectiveLimits.firstLook, effectiveLimits.lastLook].map((limits) =>
    formatEffectiveLimits(row, limits),
  );
  return [rowLine(row), `      at the first look it ${first}; extended, it ${last}`];
}

function writtenLimits(row: RowPower): string {
  const { warnAbove, failAbove, onFail } = row;
  return [
    ...(warnAbove === null ? [] : [`over ${formatValue(row, warnAbove)}: warn`]),
    ...(failAbove === null ? [] : [`over ${formatValue(row, failAbove)}: ${onFail}`]),
  ].join(', ');
}

function rowLine(row: RowPower): string {
  const { requests, requestsAtMost, passAfterMs, minimumDetectableEffect } = row;
  const n = `${requests.toLocaleString('en')} to ${requestsAtMost.toLocaleString('en')} requests`;
  const passes =
    passAfterMs === null
      ? 'never passes'
      : passAfterMs === 0
        ? 'passes at the first look'
        : `passes after ${formatClock(passAfterMs)} more`;
  const tells =
    minimumDetectableEffect === null
      ? 'no size can be stated'
      : `can tell ${formatValue(row, minimumDetectableEffect)}`;
  return `    ${`${nameOf(row)} ${writtenLimits(row)}`.padEnd(58)} ${n}; ${passes}; ${tells}`;
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
