import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { Baseline } from '../../../domain/rollback/baseline-recovery.ts';
import {
  LEAST_REQUESTS,
  describeRecovery,
  evaluateRecovery,
  readBaseline,
} from '../../../domain/rollback/baseline-recovery.ts';
import type { LaneGateResult } from '../../../domain/check/lane-gate.ts';
import { createGatewayMetrics } from '../../../clients/gateway-metrics.ts';
import { NAME_RULE, isName } from '../../../domain/core/name.ts';
import { windowBetween } from '../../../domain/metrics/window.ts';
import { checkProbes } from '../../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../../retrieval/evaluation/set.ts';
import type { GatewayClient } from '../../../clients/gateway-client.ts';
import { createGatewayClient, gatewayFromEnv } from '../../../clients/gateway-client.ts';
import { readJson } from '../../../platform/json-file.ts';
import { artifactsFolder, releasesFolder } from '../../cli/paths.ts';
import { count, existing } from '../../cli/options.ts';
import { UsageError, command } from '../../cli/command.ts';
import { errorMessage } from '../../../domain/core/error-message.ts';

const POLL_MS = 1_000;

interface Check {
  readonly name: string;
  readonly passed: boolean;
  readonly reason: string;
}

export const checkRollback = command({
  example: '--release v-1',
  options: {
    baseline: {
      value: 'FILE',
      help: "stable's metrics before the rollout, as a rollout writes them (default: eval/baseline_metrics.json of the artifacts)",
      schema: existing.optional(),
    },
    release: {
      value: 'NAME',
      help: "the release that users should be on (default: the baseline's)",
      schema: z.string().refine(isName, NAME_RULE).optional(),
    },
    seconds: {
      value: 'N',
      help: `how long to wait at most for ${LEAST_REQUESTS} requests`,
      schema: count.default(30),
    },
  },
  async run({ baseline: given, release, seconds }) {
    const file = given ?? join(artifactsFolder(), 'eval/baseline_metrics.json');
    const baseline = given !== undefined || existsSync(file) ? await baselineOf(file) : null;
    const expected = release ?? baseline?.release;
    if (expected === undefined)
      throw new UsageError(
        `no baseline at ${file}: a rollout writes one before T0. Without one, --release NAME checks version and probes alone`,
      );
    const gateway = createGatewayClient(gatewayFromEnv(process.env));
    const version = await versionCheck(gateway, expected);
    const probes = await probesCheck(gateway, expected);
    const metrics = baseline === null ? null : await metricsCheck(baseline, seconds * 1000);
    const checks = [version, probes, ...(metrics === null ? [] : [metrics.check])];
    const rows = metrics?.rows ?? [];
    const notChecked = metrics === null ? [`metrics: not checked: there is no baseline at ${file}`] : [];
    return {
      passed: checks.every(({ passed }) => passed),
      lines: [
        ...checks.map(({ name, passed, reason }) => `${passed ? '✓' : '✗'} ${name}: ${reason}`),
        ...notChecked.map((text) => `- ${text}`),
        ...rows.map(({ verdict, reason }) => `    ${verdict}: ${reason}`),
      ],
      result: { release: expected, checks, rows, notChecked },
    };
  },
});

async function baselineOf(file: string): Promise<Baseline> {
  const read = readBaseline(await readJson(file));
  if ('problem' in read) throw new UsageError(`--baseline: ${file}: ${read.problem}`);
  return read.baseline;
}

async function versionCheck(gateway: GatewayClient, expected: string): Promise<Check> {
  const name = 'version';
  try {
    const { version, percent } = await gateway.health();
    const passed = version === expected && (percent === 0 || percent === 100);
    return {
      name,
      passed,
      reason: `/health says ${version}, ${percent} % on a candidate; expected ${expected}`,
    };
  } catch (error) {
    return { name, passed: false, reason: errorMessage(error) };
  }
}

async function probesCheck(gateway: GatewayClient, release: string): Promise<Check> {
  const name = 'probes';
  try {
    const dir = join(releasesFolder(), release);
    const found = await checkProbes(await loadProbes(dir), (probe) => gateway.askAsUser(probe, release));
    return { name, passed: found.verified, reason: found.reason };
  } catch (error) {
    return { name, passed: false, reason: errorMessage(error) };
  }
}

/** A short window of stable, from now on; no longer than it takes for enough requests. */
async function metricsCheck(
  baseline: Baseline,
  withinMs: number,
): Promise<{ rows: LaneGateResult['rows']; check: Check }> {
  const name = 'metrics';
  const { snapshot } = createGatewayMetrics(gatewayFromEnv(process.env).gateway, Date.now);
  const opening = await snapshot();
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    await pause(POLL_MS);
    const result = windowBetween(opening, await snapshot());
    const late = Date.now() >= deadlineMs;
    const stable = result.kind === 'window' ? result.window.stable : null;
    if (stable !== null && (stable.errors.n >= LEAST_REQUESTS || late)) {
      const recovery = evaluateRecovery(baseline, stable);
      const passed = recovery.verdict === 'pass';
      return { rows: recovery.rows, check: { name, passed, reason: describeRecovery(recovery) } };
    }
    const reason = result.kind === 'window' ? 'stable has no counters' : result.reason;
    if (late || result.kind === 'reset') return { rows: [], check: { name, passed: false, reason } };
  }
}
