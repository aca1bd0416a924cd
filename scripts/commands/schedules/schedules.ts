import type { Client, ScheduleOptions, ScheduleSpec } from '@temporalio/client';
import { FIRST_SERVICE } from '../../../domain/core/stack-folders.ts';
import { ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';

/** When the schedules run. */
interface ScheduleTimes {
  /** Of all times here, e.g. Europe/Berlin. */
  readonly timezone: string;
  readonly nightly: TimeOfDay;
  readonly weekly: TimeOfDay & { readonly day: Weekday };
  /** Each run begins up to so much later, so that not all services of a cluster begin at once. */
  readonly jitterMinutes: number;
}

interface TimeOfDay {
  readonly hour: number;
  readonly minute: number;
}

export const WEEKDAYS = [
  'MONDAY',
  'TUESDAY',
  'WEDNESDAY',
  'THURSDAY',
  'FRIDAY',
  'SATURDAY',
  'SUNDAY',
] as const;
type Weekday = (typeof WEEKDAYS)[number];

export const SCHEDULES = ['nightly-evaluation', 'weekly-maintenance'] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

/** Whose schedules, and who carries them out. */
export interface Served {
  readonly service: string;
  readonly taskQueue: string;
}

/** Services share a Temporal server: each has schedules of its own. */
function scheduleId(name: ScheduleName, service: string): string {
  return service === FIRST_SERVICE ? name : `${name}/${service}`;
}

/** A run that a server missed is made up for a day long; SDK and server would do it for a year. */
const CATCH_UP = '1 day';

/** What the schedules are to be. */
function describeSchedules(times: ScheduleTimes, of: Served): Record<ScheduleName, ScheduleOptions> {
  const { service, taskQueue } = of;
  const { timezone, nightly, weekly, jitterMinutes } = times;
  const spec = (calendar: TimeOfDay & { readonly dayOfWeek?: Weekday }): ScheduleSpec => ({
    calendars: [calendar],
    timezone,
    jitter: jitterMinutes * 60_000,
  });
  // One that still runs is not joined by another: both would do the same work.
  const policies = { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: CATCH_UP } as const;
  const { day, ...weeklyTime } = weekly;
  return {
    'nightly-evaluation': {
      scheduleId: scheduleId('nightly-evaluation', service),
      spec: spec(nightly),
      policies,
      action: {
        type: 'startWorkflow',
        workflowType: 'evaluation',
        workflowId: `evaluation/${service}`,
        taskQueue,
        args: [{}],
        // One that hangs must not keep the next night from being measured.
        workflowExecutionTimeout: '20h',
        staticSummary: 'clean evaluation of what stable serves',
      },
    },
    'weekly-maintenance': {
      scheduleId: scheduleId('weekly-maintenance', service),
      spec: spec({ ...weeklyTime, dayOfWeek: day }),
      policies,
      action: {
        type: 'startWorkflow',
        workflowType: 'weeklyMaintenance',
        workflowId: `weeklyMaintenance/${service}`,
        taskQueue,
        args: [{}],
        workflowExecutionTimeout: '3 days',
        staticSummary: 'merge, rebuild, evaluate, publish a release',
      },
    },
  };
}

interface Applied {
  readonly name: ScheduleName;
  readonly did: 'created' | 'updated';
}

/**
 * Makes both schedules, or brings those that are there to these times; a paused one stays paused, and what ran is
 * remembered. `note` is what the list shows.
 */
export async function applySchedules(
  { schedule }: Client,
  times: ScheduleTimes,
  of: Served,
  note: string,
): Promise<Applied[]> {
  const wanted = describeSchedules(times, of);
  const applied: Applied[] = [];
  for (const name of SCHEDULES) {
    const options = wanted[name];
    try {
      await schedule.create({ ...options, state: { note } });
      applied.push({ name, did: 'created' });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      await schedule.getHandle(options.scheduleId).update(({ state }) => ({
        ...options,
        state: { paused: state.paused, note: state.paused ? (state.note ?? note) : note },
      }));
      applied.push({ name, did: 'updated' });
    }
  }
  return applied;
}

interface Listed {
  readonly name: ScheduleName;
  readonly paused: boolean;
  readonly note: string;
  readonly timezone: string;
  /** The next five, ISO 8601 in UTC. */
  readonly runs: readonly string[];
  /** Null while there is none. */
  readonly last: string | null;
  /** Runs that were not made up for, as the server was down for longer than a day. */
  readonly missed: number;
}

const LISTED_RUNS = 5;

/** Those of ours that are there. */
export async function listSchedules({ schedule }: Client, service: string): Promise<Listed[]> {
  const listed: Listed[] = [];
  for (const name of SCHEDULES) {
    const found = await described(schedule.getHandle(scheduleId(name, service)).describe());
    if (found === null) continue;
    const { state, info, spec } = found;
    listed.push({
      name,
      paused: state.paused,
      note: state.note ?? '',
      timezone: spec.timezone ?? 'UTC',
      runs: info.nextActionTimes.slice(0, LISTED_RUNS).map((at) => at.toISOString()),
      last: info.recentActions.at(-1)?.takenAt.toISOString() ?? null,
      missed: info.numActionsMissedCatchupWindow,
    });
  }
  return listed;
}

/** Pauses those that are there, or lets them run again. Returns their names. */
export async function pauseSchedules(
  { schedule }: Client,
  service: string,
  names: readonly ScheduleName[],
  paused: boolean,
  note: string,
): Promise<ScheduleName[]> {
  return each(names, (name) => {
    const handle = schedule.getHandle(scheduleId(name, service));
    return paused ? handle.pause(note) : handle.unpause(note);
  });
}

/** Deletes those that are there; runs under way go on. Returns their names. */
export async function deleteSchedules(
  { schedule }: Client,
  service: string,
  names: readonly ScheduleName[],
): Promise<ScheduleName[]> {
  return each(names, (name) => schedule.getHandle(scheduleId(name, service)).delete());
}

async function each(
  names: readonly ScheduleName[],
  change: (name: ScheduleName) => Promise<void>,
): Promise<ScheduleName[]> {
  const changed: ScheduleName[] = [];
  for (const name of names) {
    const done = change(name).then(() => ({}));
    if ((await described(done)) !== null) changed.push(name);
  }
  return changed;
}

/** Null where there is no such schedule. */
async function described<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null;
    throw error;
  }
}
