import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { Health } from '../../domain/control/http.ts';
import type { BaselineReturnDeps } from './baseline-recovery.ts';
import { metricsReturn } from './baseline-recovery.ts';
import type { ControlOptions } from '../../clients/gateway-client.ts';
import { createUserClient } from '../../clients/gateway-client.ts';
import type { Probe } from '../../retrieval/evaluation/probe-check.ts';
import { checkProbes } from '../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../retrieval/evaluation/set.ts';
import type { RollbackVerification } from '../../domain/core/rollback-verification.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

export interface VerificationDeps extends BaselineReturnDeps {
  readonly gatewayUrl: string;
  /** Of whose token the probes' is made. */
  readonly control: Pick<ControlOptions, 'token'>;
  readonly releasesDir: string;
}

const RETRY_MS = 1_000;

/** Asks as a user would: the probes through the public /search, and /health for the version and the percent. */
export function createRollbackVerification(
  deps: VerificationDeps,
): Pick<RolloutActivities, 'verifyRollback'> {
  return {
    async verifyRollback({ release, withinMs }) {
      const signal = cancellationSignal();
      const deadlineMs = performance.now() + withinMs;
      for (;;) {
        const found = await verifyOnce(deps, release, signal);
        if (found.verified) return { ...found, metrics: await metricsReturn(deps, release, signal) };
        if (performance.now() >= deadlineMs) return found;
        heartbeat(found.reason);
        await pause(RETRY_MS, undefined, { signal });
      }
    },
  };
}

async function verifyOnce(
  { gatewayUrl, releasesDir, control }: VerificationDeps,
  release: string,
  signal: AbortSignal,
): Promise<RollbackVerification> {
  const failed = (version: string | null, reason: string): RollbackVerification => ({
    verified: false,
    reason,
    probes: 0,
    matching: 0,
    version,
    metrics: null,
  });
  const gateway = createUserClient({ gateway: gatewayUrl, ...control }, 'rollback-verification');
  let health: Health;
  try {
    health = await gateway.health(signal);
  } catch (error) {
    signal.throwIfAborted();
    return failed(null, `/health does not answer: ${errorMessage(error)}`);
  }
  if (health.version !== release)
    return failed(health.version, `/health says ${health.version}, not ${release}`);
  if (health.percent !== 0)
    return failed(health.version, `${health.percent} % of users are on the candidate`);
  let probes: readonly Probe[];
  try {
    probes = await loadProbes(join(releasesDir, release));
  } catch (error) {
    // Users are back on it all the same: that it is not proven is an answer, and no reason to ask for ever.
    const why = errorMessage(error);
    return failed(health.version, `${release} is back, but its probes cannot be read: ${why}`);
  }
  const result = await checkProbes(probes, async (probe) => {
    heartbeat('probes');
    return gateway.askAsUser(probe, release, signal);
  });
  return { ...result, version: health.version, metrics: null };
}
