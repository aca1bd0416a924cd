import { MockActivityEnvironment } from '@temporalio/testing';
import type { WatchDeps } from '../../activities/gateway/watch.ts';
import { createWatch } from '../../activities/gateway/watch.ts';
import type { WatchInput } from '../../domain/contracts/guard-activities.ts';
import type { GuardProgress, GuardReport } from '../../domain/guard/reports.ts';
import type { Packed } from '../../domain/core/packed.ts';

/** A guard's activity under way. */
export interface GuardRun {
  readonly reports: GuardReport[];
  heartbeats(): number;
  /** Its workflow takes it back; with what it carries. */
  end(): Promise<Packed<GuardProgress>>;
}

/** Begins to watch; what it reports is taken at once. */
export function startGuard(deps: Omit<WatchDeps, 'signal'>, input: WatchInput): GuardRun {
  const reports: GuardReport[] = [];
  const { watch } = createWatch({
    ...deps,
    signal: async (_id, _name, report) => void reports.push(report as GuardReport),
  });
  const activity = new MockActivityEnvironment();
  let heartbeats = 0;
  activity.on('heartbeat', () => heartbeats++);
  const watching: Promise<Packed<GuardProgress>> = activity.run(watch, input);
  watching.catch(() => {}); // Whoever ends it hears of it.
  return {
    reports,
    heartbeats: () => heartbeats,
    end() {
      activity.cancel();
      return watching;
    },
  };
}
