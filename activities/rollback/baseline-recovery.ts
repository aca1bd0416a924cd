import { readJson } from '../../platform/json-file.ts';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { heartbeat } from '@temporalio/activity';
import {
  LEAST_REQUESTS,
  describeRecovery,
  evaluateRecovery,
  readBaseline,
} from '../../domain/rollback/baseline-recovery.ts';
import { windowBetween } from '../../domain/metrics/window.ts';
import type { MetricsSource } from '../../clients/gateway-metrics.ts';
import type { RollbackVerification } from '../../domain/core/rollback-verification.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

export interface BaselineReturnDeps {
  readonly artifactsDir: string;
  readonly metrics: MetricsSource;
}

type MetricsReturn = NonNullable<RollbackVerification['metrics']>;

const POLL_MS = 1_000;
const AT_MOST_MS = 30_000;
/** Who has seen no request by then waits for none. */
const NO_TRAFFIC_MS = 3_000;

/** Stable's metrics from now on against those that were written before the rollout; `unknown` where either is not there. */
export async function metricsReturn(
  { artifactsDir, metrics }: BaselineReturnDeps,
  release: string,
  signal: AbortSignal,
): Promise<MetricsReturn> {
  const unknown = (reason: string): MetricsReturn => ({ verdict: 'inconclusive', reason });
  const read = await baselineOf(join(artifactsDir, 'eval', 'baseline_metrics.json'));
  if ('problem' in read) return unknown(`no baseline: ${read.problem}`);
  if (read.baseline.release !== release) return unknown(`the baseline is that of ${read.baseline.release}`);
  const opening = await metrics.snapshot(signal);
  const startedMs = performance.now();
  for (;;) {
    await pause(POLL_MS, undefined, { signal });
    heartbeat('metrics');
    const result = windowBetween(opening, await metrics.snapshot(signal));
    if (result.kind !== 'window') return unknown(result.reason);
    const { stable } = result.window;
    const n = stable?.errors.n ?? 0;
    const passedMs = performance.now() - startedMs;
    if (n === 0 && passedMs >= NO_TRAFFIC_MS) return unknown('no traffic to compare with the baseline');
    if (stable !== null && (n >= LEAST_REQUESTS || passedMs >= AT_MOST_MS)) {
      const recovery = evaluateRecovery(read.baseline, stable);
      return { verdict: recovery.verdict, reason: describeRecovery(recovery) };
    }
  }
}

async function baselineOf(file: string): Promise<ReturnType<typeof readBaseline>> {
  try {
    return readBaseline(await readJson(file));
  } catch (error) {
    return { problem: errorMessage(error) };
  }
}
