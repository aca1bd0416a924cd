import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import type { PreflightInput, RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import { isName } from '../../domain/core/name.ts';
import { ReleaseError, readManifest } from '../../retrieval/release/manifest.ts';
import { backboneGate } from './backbone-gate.ts';
import type { ControlClient } from '../../clients/gateway-client.ts';
import { configPins } from './config-pins.ts';
import type { MetricsSource } from '../../clients/gateway-metrics.ts';
import type { MonitorDeps } from './observability-check.ts';
import { observability } from './observability-check.ts';
import { checkRelease, rollbackDryRun } from './processes.ts';
import { releaseQuality } from '../evaluation/release-metrics.ts';
import type { PreflightCheck } from '../../domain/preflight/report.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

export interface PreflightDeps extends MonitorDeps {
  readonly control: ControlClient;
  readonly metrics: MetricsSource;
  readonly gatewayUrl: string;
  readonly releasesDir: string;
  /** The operator's script, run with --dry-run; and what it needs to find the gateway. */
  readonly rollbackScript: string;
  readonly scriptEnv: Readonly<Record<string, string>>;
}

/** One part of pre-flight: the names its rows will have, and how to get them. */
interface Part {
  readonly name: string;
  run(signal: AbortSignal): Promise<PreflightCheck[]>;
}

/** All checks before any traffic. None needs traffic; heavy ones run in niced processes. */
export function createPreflight(deps: PreflightDeps): Pick<RolloutActivities, 'preflight'> {
  return {
    async preflight(input) {
      const stable = (await deps.control.view()).state.lanes.stable.release;
      const checks =
        ownService(deps.service, input.service) ??
        (await knownRelease(deps.releasesDir, input.candidate)) ??
        stableAlready(input.candidate, stable) ??
        (await runParts(parts(deps, input, stable)));
      return {
        checks,
        stable,
        candidateQuality: await releaseQuality(join(deps.releasesDir, input.candidate)),
        stableQuality: await releaseQuality(join(deps.releasesDir, stable)),
      };
    },
  };
}

/** Null for this worker's own service. Under another name a second rollout would share its gateway with the first. */
function ownService(own: string, asked: string): PreflightCheck[] | null {
  if (asked === own) return null;
  const reason = `this worker serves ${own}, not ${asked}: start the rollout on the task queue of ${asked}'s worker`;
  return [{ name: 'service', verdict: 'fail', reason }];
}

/** Null where users would get anything new. */
function stableAlready(candidate: string, stable: string): PreflightCheck[] | null {
  if (candidate !== stable) return null;
  const reason = `${candidate} is stable already, so every user has it: there is nothing to ship`;
  return [{ name: 'candidate', verdict: 'fail', reason }];
}

/** Null if the release is there; else the one failed row that says which releases are. */
async function knownRelease(releasesDir: string, name: string): Promise<PreflightCheck[] | null> {
  const there = await readdir(releasesDir).catch((): string[] => []);
  if (isName(name) && there.includes(name)) return null;
  const known = there.filter(isName).toSorted();
  return [
    {
      name: 'candidate',
      verdict: 'fail',
      reason: `there is no release ${JSON.stringify(name)}; there are: ${known.join(', ') || 'none'}`,
    },
  ];
}

function parts(deps: PreflightDeps, input: PreflightInput, stable: string): Part[] {
  const dir = (release: string) => join(deps.releasesDir, release);
  return [
    {
      name: 'candidate',
      run: (signal) => checkRelease(dir(input.candidate), input.candidate, 'with-smoke-tests', signal),
    },
    { name: 'stable', run: (signal) => checkRelease(dir(stable), stable, 'files-only', signal) },
    {
      name: 'config pins',
      run: async () => configPins(await readManifest(dir(input.candidate)), await readManifest(dir(stable))),
    },
    { name: 'two-tower gate', run: () => backboneGate(dir(input.candidate)) },
    { name: 'observability', run: () => observability(deps, input.plan) },
    {
      name: 'rollback dry run',
      run: (signal) => rollbackDryRun(deps.rollbackScript, stable, deps.scriptEnv, signal),
    },
  ];
}

/**
 * Runs the parts one after the other and stops after one that fails: what follows would only repeat it. The rows so far
 * are in the heartbeat, so that a worker which takes over goes on where the last one was.
 */
async function runParts(all: readonly Part[]): Promise<PreflightCheck[]> {
  const signal = cancellationSignal();
  const before: { parts: number; checks: PreflightCheck[] } = activityInfo().heartbeatDetails ?? {
    parts: 0,
    checks: [],
  };
  const checks = [...before.checks];
  for (const [i, part] of all.entries()) {
    if (i < before.parts) continue;
    const beat = setInterval(() => heartbeat({ parts: i, checks }), 2_000);
    try {
      checks.push(...(await part.run(signal).catch((error: unknown) => notPassed(part.name, error, signal))));
    } finally {
      clearInterval(beat);
    }
    heartbeat({ parts: i + 1, checks });
    if (checks.some(({ verdict }) => verdict === 'fail')) break;
  }
  return checks;
}

/** A check that cannot be carried out is not passed: it fails where the release is at fault, and is inconclusive otherwise. */
function notPassed(name: string, error: unknown, signal: AbortSignal): PreflightCheck[] {
  signal.throwIfAborted();
  const reason = errorMessage(error);
  return [{ name, verdict: error instanceof ReleaseError ? 'fail' : 'inconclusive', reason }];
}
