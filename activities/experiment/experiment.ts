import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import writeFileAtomic from 'write-file-atomic';
import type { Arm, ArmCounts } from '../../domain/experiment/analysis.ts';
import { RANKED } from '../../domain/experiment/analysis.ts';
import type { ExperimentActivities } from '../../domain/contracts/experiment-activities.ts';
import { experimentMarkdown } from '../../domain/experiment/report.ts';
import { ARM_METRICS, GATEWAY_METRICS } from '../../domain/metrics/snapshot.ts';
import type { Sample } from '../../domain/metrics/prometheus-text.ts';
import { parseMetricsText } from '../../domain/metrics/prometheus-text.ts';
import { processClock } from '../../retrieval/process-clock.ts';
import type { ArmsReading } from '../../domain/experiment/arm-totals.ts';

export interface ExperimentDeps {
  readonly service: string;
  readonly gatewayUrl: string;
  readonly artifactsDir: string;
}

const TIMEOUT_MS = 5_000;

/** The gateway's counters by arm, and the report's files. */
export function createExperiment({
  service,
  gatewayUrl,
  artifactsDir,
}: ExperimentDeps): ExperimentActivities {
  return {
    async readArms() {
      try {
        const answer = await request(`${gatewayUrl}/metrics`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
        const text = await answer.body.text();
        if (answer.statusCode !== 200) throw new Error(`GET /metrics answered ${answer.statusCode}`);
        return { ...readingOf(parseMetricsText(text), processClock.now()), service };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return { kind: 'missing', reason: `no metrics from the gateway: ${reason}` };
      }
    },
    async writeExperimentReport(report) {
      const folder = join(artifactsDir, 'experiments');
      await mkdir(folder, { recursive: true });
      const time = (ms: number) => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
      const files = [join(folder, `${report.name}.json`), join(folder, `${report.name}.md`)] as const;
      await writeFileAtomic(files[0], `${JSON.stringify(report, null, 2)}\n`);
      await writeFileAtomic(files[1], experimentMarkdown(report, time));
      return { files };
    },
  };
}

/** Throws where a number that must be there is not. */
function readingOf(
  samples: readonly Sample[],
  takenAtMs: number,
): Omit<Extract<ArmsReading, { kind: 'arms' }>, 'service'> {
  const one = (name: string) => {
    const found = samples.find((sample) => sample.name === name);
    if (found === undefined || !Number.isFinite(found.value)) throw new Error(`${name} is not there`);
    return found.value;
  };
  const sum = (name: string, labels: Readonly<Record<string, string>>) => sumOf(samples, name, labels);
  const arm = (name: Arm): ArmCounts => ({
    requests: sum(ARM_METRICS.requests, { arm: name, outcome: 'ok' }),
    errors: sum(ARM_METRICS.requests, { arm: name, outcome: 'error' }),
    ranks: Array.from({ length: RANKED + 1 }, (_, i) =>
      sum(ARM_METRICS.armFeedback, { arm: name, rank: i === RANKED ? 'none' : String(i + 1) }),
    ),
    keys: sum(ARM_METRICS.keys, { arm: name }),
  });
  const running = samples.find(({ name, value }) => name === ARM_METRICS.experiment && value === 1);
  return {
    kind: 'arms',
    takenAtMs,
    processStartMs: Math.round(one('process_start_time_seconds') * 1000),
    uptimeMs: one(GATEWAY_METRICS.uptime) * 1000,
    epoch: one(GATEWAY_METRICS.epoch),
    experiment: running?.labels['experiment'] ?? null,
    arms: { on: arm('on'), off: arm('off') },
    requests: sum(GATEWAY_METRICS.requests, { lane: 'stable', kind: 'context', outcome: 'ok' }),
    feedback: sum(ARM_METRICS.feedback, {}) - sum(ARM_METRICS.feedback, { outcome: 'repeated' }),
  };
}

function sumOf(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels);
  const total = samples
    .filter((sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value))
    .reduce((added, { value }) => added + value, 0);
  if (!Number.isFinite(total)) throw new Error(`${name} is not a finite number`);
  return total;
}
