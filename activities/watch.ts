import { setTimeout as pause } from 'node:timers/promises';
import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import type { RolloutActivities, WatchInput } from '../domain/contract.ts';
import type { ControlView } from '../domain/control.ts';
import type { GuardState } from '../domain/guard.ts';
import { guardStep, isBlind, newGuard } from '../domain/guard.ts';
import type { SteadyClock } from '../domain/steady-clock.ts';
import type { ControlClient } from './control.ts';
import type { MetricsSource } from './metrics.ts';

export interface WatchDeps {
  readonly control: ControlClient;
  readonly metrics: MetricsSource;
  /** The one that `metrics` reads. */
  readonly clock: SteadyClock;
  /**
   * Asks that workflow itself, by a query, whether it is open, in the chain of runs that began with `firstRunId`: only a
   * worker that serves workflow tasks can answer. Rejects where none does in time.
   */
  readonly isAlive: (workflowId: string, firstRunId: string) => Promise<boolean>;
}

/** One stretch of the guard. Its state so far is in each heartbeat, so that a retry goes on where this one was. */
export function createWatch(deps: WatchDeps): Pick<RolloutActivities, 'watch'> {
  return {
    async watch(input) {
      const signal = cancellationSignal();
      const lease = createLeaseKeeper(deps, input);
      const beforeRetry: GuardState | undefined = activityInfo().heartbeatDetails;
      let state = beforeRetry ?? input.state ?? newGuard(deps.clock.now());
      deps.clock.resume(lastTimeOf(state));
      const endMs = deps.clock.now() + input.stretchMs;
      for (;;) {
        lease.askWorkflow();
        const [snapshot, control] = await Promise.all([
          deps.metrics.snapshot(signal),
          viewOrNull(deps.control, signal),
        ]);
        const step = guardStep(state, { snapshot, control }, input, deps.clock.now());
        state = step.state;
        if (step.event !== null) return { state, event: step.event };
        // Who is blind can not vouch for the candidate: its share ends with the lease.
        if (control !== null && !isBlind(state, input.plan.guard, deps.clock.now()))
          await lease.renew(control, signal);
        heartbeat(state);
        if (deps.clock.now() >= endMs) return { state, event: null };
        await pause(input.plan.guard.pollMs, undefined, { signal });
      }
    },
  };
}

/** The newest time that the guard has read, in this process or in one before. */
function lastTimeOf({ lastSeenMs, records, snapshots }: GuardState): number {
  return Math.max(lastSeenMs, records.at(-1)?.atMs ?? 0, snapshots.at(-1)?.atMs ?? 0);
}

async function viewOrNull(control: ControlClient, signal: AbortSignal): Promise<ControlView | null> {
  try {
    return await control.view(signal);
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/**
 * Renews the lease only while the rollout itself has answered within half a TTL: the candidate's share must not live on
 * when no worker serves the workflow that could take it back, though this activity's own queue is served. The rollout is
 * asked beside the polls, so that an outage of Temporal blinds no guard.
 */
function createLeaseKeeper(deps: WatchDeps, input: WatchInput) {
  const ttlMs = input.plan.guard.leaseTtlMs;
  let aliveMs = -Infinity;
  let asking = false;

  async function ask(): Promise<void> {
    const askedMs = performance.now();
    try {
      if (await deps.isAlive(input.workflowId, input.runId)) aliveMs = askedMs;
    } catch {
      // No answer: what was known grows older.
    } finally {
      asking = false;
    }
  }
  return {
    askWorkflow(): void {
      if (asking) return;
      asking = true;
      void ask();
    },
    async renew({ state }: ControlView, signal: AbortSignal): Promise<void> {
      // At 100 % there is no lease: there it is a sign of life alone.
      if (state.percent === 0 || performance.now() - aliveMs > ttlMs / 2) return;
      try {
        // A refusal needs no answer here: the next poll sees who took the epoch, or that the lease has ended.
        await deps.control.renewLease({ epoch: input.epoch, ttlMs }, signal);
      } catch {
        signal.throwIfAborted();
      }
    },
  };
}
