import { setTimeout as pause } from 'node:timers/promises';
import { activityInfo, cancellationSignal } from '@temporalio/activity';
import type { ControlView } from '../../domain/control/state.ts';
import type { GuardActivities, WatchInput } from '../../domain/contracts/guard-activities.ts';
import { lacksTelemetry } from '../../domain/guard/guard.ts';
import { GUARD_SAW, newProgress, progress } from '../../domain/guard/reports.ts';
import type { SteadyClock } from '../../domain/core/steady-clock.ts';
import type { ControlClient } from '../../clients/gateway-client.ts';
import type { SendSignal } from '../monitor/long-watch.ts';
import { Reporter, WatchState, isWantedBack } from '../monitor/long-watch.ts';
import type { MetricsSource } from '../../clients/gateway-metrics.ts';
import type { GuardState } from '../../domain/guard/state.ts';

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
  readonly signal: SendSignal;
}

/** The guard of one rollout. */
export function createWatch(deps: WatchDeps): GuardActivities {
  return {
    async watch(input) {
      const signal = cancellationSignal();
      const lease = createLeaseKeeper(deps, input);
      const state = new WatchState(input.carried, () =>
        newProgress(activityInfo().workflowExecution?.runId ?? 'guard', deps.clock.now()),
      );
      const reporter = new Reporter(state, (report) => deps.signal(input.workflowId, GUARD_SAW, report));
      deps.clock.resume(lastTimeOf(state.current.guard));
      try {
        for (;;) {
          lease.askWorkflow();
          const [snapshot, control] = await Promise.all([
            deps.metrics.snapshot(signal),
            viewOrNull(deps.control, signal),
          ]);
          state.current = progress(state.current, { snapshot, control }, input, deps.clock.now());
          reporter.send();
          // Who is blind cannot vouch for the candidate: its share ends with the lease.
          if (control !== null && !lacksTelemetry(state.current.guard, input.plan.guard, deps.clock.now()))
            await lease.renew(control, signal);
          if (state.current.over && state.current.unsent.length === 0) return state.packed();
          await pause(input.plan.guard.pollMs, undefined, { signal });
        }
      } catch (error) {
        if (isWantedBack()) return state.packed();
        throw error;
      } finally {
        state.end();
      }
    },
  };
}

/** The newest time that the guard has read, in this process or in one before. */
function lastTimeOf({ lastSeenMs, samples }: GuardState): number {
  return Math.max(lastSeenMs, samples.at(-1)?.atMs ?? 0);
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
