import { join } from 'node:path';
import { writeJson, writeWhole } from '../../platform/json-file.ts';
import type { Arm, ArmCounts } from '../../domain/experiment/analysis.ts';
import { RANKED } from '../../domain/experiment/analysis.ts';
import type { ExperimentActivities } from '../../domain/contracts/experiment-activities.ts';
import { experimentMarkdown } from '../../domain/experiment/report.ts';
import { ARM_METRICS, GATEWAY_METRICS } from '../../domain/metrics/snapshot.ts';
import type { Sample } from '../../domain/metrics/prometheus-text.ts';
import { gauge, sum } from '../../domain/metrics/samples.ts';
import { scrape } from '../../clients/scrape.ts';
import { processClock } from '../../retrieval/process-clock.ts';
import type { ArmsReading } from '../../domain/experiment/arm-totals.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

export interface ExperimentDeps {
  readonly service: string;
  readonly gatewayUrl: string;
  readonly artifactsDir: string;
}

/** The gateway's counters by arm, and the report's files. */
export function createExperiment({
  service,
  gatewayUrl,
  artifactsDir,
}: ExperimentDeps): ExperimentActivities {
  return {
    async readArms() {
      try {
        return { ...readingOf(await scrape(gatewayUrl), processClock.now()), service };
      } catch (error) {
        const reason = errorMessage(error);
        return { kind: 'missing', reason: `no metrics from the gateway: ${reason}` };
      }
    },
    async writeExperimentReport(report) {
      const folder = join(artifactsDir, 'experiments');
      const time = (ms: number) => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
      const files = [join(folder, `${report.name}.json`), join(folder, `${report.name}.md`)] as const;
      await writeJson(files[0], report);
      await writeWhole(files[1], experimentMarkdown(report, time));
      return { files };
    },
  };
}

/** Throws where a number that must be there is not. */
function readingOf(
  samples: readonly Sample[],
  takenAtMs: number,
): Omit<Extract<ArmsReading, { kind: 'arms' }>, 'service'> {
  const total = (name: string, labels: Readonly<Record<string, string>> = {}) => sum(samples, name, labels);
  const arm = (name: Arm): ArmCounts => ({
    requests: total(ARM_METRICS.requests, { arm: name, outcome: 'ok' }),
    errors: total(ARM_METRICS.requests, { arm: name, outcome: 'error' }),
    ranks: Array.from({ length: RANKED + 1 }, (_, i) =>
      total(ARM_METRICS.armFeedback, { arm: name, rank: i === RANKED ? 'none' : String(i + 1) }),
    ),
    keys: total(ARM_METRICS.keys, { arm: name }),
  });
  const running = samples.find(({ name, value }) => name === ARM_METRICS.experiment && value === 1);
  return {
    kind: 'arms',
    takenAtMs,
    processStartMs: Math.round(gauge(samples, 'process_start_time_seconds') * 1000),
    uptimeMs: gauge(samples, GATEWAY_METRICS.uptime) * 1000,
    epoch: gauge(samples, GATEWAY_METRICS.epoch),
    experiment: running?.labels['experiment'] ?? null,
    arms: { on: arm('on'), off: arm('off') },
    requests: total(GATEWAY_METRICS.requests, { lane: 'stable', kind: 'context', outcome: 'ok' }),
    feedback: total(ARM_METRICS.feedback) - total(ARM_METRICS.feedback, { outcome: 'repeated' }),
  };
}
