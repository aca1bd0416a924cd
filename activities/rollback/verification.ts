import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { request } from 'undici';
import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { Health, SearchResponse } from '../../domain/control/http.ts';
import { LANE_HEADERS } from '../../domain/control/http.ts';
import type { BaselineReturnDeps } from './baseline-recovery.ts';
import { metricsReturn } from './baseline-recovery.ts';
import type { ControlOptions } from '../gateway/control.ts';
import { controlToken } from '../gateway/control.ts';
import type { Probe } from '../../retrieval/evaluation/probe-check.ts';
import { checkProbes, probeRequest } from '../../retrieval/evaluation/probe-check.ts';
import { probeToken } from '../../retrieval/evaluation/probe-token.ts';
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
const REQUEST_MS = 5_000;

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
  let health: Health;
  try {
    health = await ask(`${gatewayUrl}/health`, null, {}, signal);
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
  const headers = await probeHeaders(control);
  const result = await checkProbes(probes, async (probe) => {
    heartbeat('probes');
    const answer: SearchResponse = await ask(
      `${gatewayUrl}/search`,
      JSON.stringify(probeRequest(probe)),
      headers,
      signal,
    );
    if (answer.release !== release) throw new Error(`answered by ${answer.release}`);
    return answer.results.map(({ id }) => id);
  });
  return { ...result, version: health.version, metrics: null };
}

/** What leaves the probes out of the counts. Without a token they are users like others: the proof does not wait for it. */
async function probeHeaders({ token }: VerificationDeps['control']): Promise<Record<string, string>> {
  const control = await controlToken(token).catch(() => null);
  if (control === null) return {};
  return {
    [LANE_HEADERS.synthetic]: 'rollback-verification',
    authorization: `Bearer ${probeToken(control)}`,
  };
}

async function ask(
  url: string,
  body: string | null,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) {
  const answer = await request(url, {
    method: body === null ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
  });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`HTTP ${answer.statusCode}: ${text.slice(0, 200)}`);
  return JSON.parse(text);
}
