/** The nightly evaluation and the weekly maintenance, as schedules of Temporal. */
import { z } from 'zod';
import { service } from '../rollout/options.ts';
import { taskQueue, withTemporal } from '../rollout/temporal.ts';
import {
  applySchedules,
  deleteSchedules,
  listSchedules,
  pauseSchedules,
  SCHEDULES,
  WEEKDAYS,
} from './schedules.ts';
import type { ScheduleName } from './schedules.ts';
import { localTime, oddDay } from './local-times.ts';
import { UsageError, command } from '../../cli/command.ts';
import { refused } from '../../cli/options.ts';
import type { CommandOption } from '../../cli/command.ts';

const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, refused('must be a time such as 02:00'))
  .transform((text) => ({ hour: Number(text.slice(0, 2)), minute: Number(text.slice(3)) }));

const only = {
  value: 'NAME',
  help: `this one alone: ${SCHEDULES.join(' or ')}`,
  schema: z.enum(SCHEDULES).optional(),
} as const satisfies CommandOption;

const note = (preset: string) =>
  ({
    value: 'TEXT',
    help: 'what the list shows beside it',
    schema: z.string().min(1).default(preset),
  }) as const satisfies CommandOption;

const chosen = (name: ScheduleName | undefined) => (name === undefined ? SCHEDULES : [name]);

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

export const apply = command({
  example: '--timezone Europe/Berlin --nightly 04:00 --day SUNDAY --weekly 06:00',
  options: {
    timezone: {
      value: 'ZONE',
      help: 'of the times here, e.g. Europe/Berlin',
      schema: z.string().refine(isTimezone, 'is no time zone').default('UTC'),
    },
    nightly: { value: 'HH:MM', help: 'the evaluation', schema: timeOfDay.prefault('04:00') },
    weekly: { value: 'HH:MM', help: 'the maintenance', schema: timeOfDay.prefault('06:00') },
    day: { value: 'DAY', help: 'of the maintenance', schema: z.enum(WEEKDAYS).default('SUNDAY') },
    jitter: {
      value: 'MINUTES',
      help: 'each begins up to so much later',
      schema: z
        .string()
        .regex(/^\d{1,3}$/, refused('must be a whole number of minutes'))
        .transform(Number)
        .prefault('10'),
    },
    note: note('kept by retriever schedules'),
    service,
  },
  run: ({ timezone, nightly, weekly, day, jitter, note: words, service: of }) => {
    refuseOddTimes('--nightly', timezone, nightly, null);
    refuseOddTimes('--weekly', timezone, weekly, (WEEKDAYS.indexOf(day) + 1) % WEEKDAYS.length);
    return withTemporal(async (client) => {
      const times = { timezone, nightly, weekly: { ...weekly, day }, jitterMinutes: jitter };
      const schedules = await applySchedules(client, times, { service: of, taskQueue: taskQueue() }, words);
      return {
        passed: true,
        lines: schedules.map(({ name, did }) => `${name}: ${did}`),
        result: { schedules },
      };
    });
  },
});

/** Temporal runs nothing at a time that clocks jump over: that night would be lost without a word. */
function refuseOddTimes(
  option: string,
  zone: string,
  time: { readonly hour: number; readonly minute: number },
  weekday: number | null,
): void {
  const odd = oddDay(zone, time, weekday, Date.now());
  if (odd === null) return;
  const said = [time.hour, time.minute].map((part) => String(part).padStart(2, '0')).join(':');
  const why =
    odd.kind === 'skipped'
      ? 'is skipped, as clocks go forward: nothing would run'
      : 'comes twice, as clocks go back';
  throw new UsageError(
    `${option}: on ${odd.date} ${said} of ${zone} ${why}. Take a time from 04:00 to 20:59, which no zone skips or repeats`,
  );
}

export const list = command({
  example: '',
  options: { service },
  run: ({ service: of }) =>
    withTemporal(async (client) => {
      const schedules = await listSchedules(client, of);
      const missedNone = schedules.every(({ missed }) => missed === 0);
      return {
        passed: schedules.length === SCHEDULES.length && missedNone,
        lines: schedules.length === 0 ? ['none; schedules apply makes them'] : schedules.flatMap(linesOf),
        result: { schedules },
      };
    }),
});

type Listed = Awaited<ReturnType<typeof listSchedules>>[number];

function linesOf({ name, paused, runs, last, missed, timezone, note: words }: Listed): string[] {
  const [next = 'never'] = runs;
  return [
    `${name.padEnd(20)} ${paused ? 'paused' : `next ${next}`}, last ${last ?? 'never'}  ${words}`,
    ...(missed === 0 ? [] : [`    ${missed} runs were missed: temporal schedule trigger runs one now`]),
    ...(paused ? [] : runs.map((at) => `    ${localTime(timezone, new Date(at))} ${timezone}, ${at}`)),
  ];
}

const pausing = (paused: boolean) =>
  command({
    example: '--only nightly-evaluation',
    options: { only, note: note(paused ? 'paused by a person' : 'resumed by a person'), service },
    run: ({ only: name, note: words, service: of }) =>
      withTemporal(async (client) => changed(await pauseSchedules(client, of, chosen(name), paused, words))),
  });

export const remove = command({
  example: '--only weekly-maintenance',
  options: { only, service },
  run: ({ only: name, service: of }) =>
    withTemporal(async (client) => changed(await deleteSchedules(client, of, chosen(name)))),
});

/** Met whatever was there: asked again, nothing is left to do. */
function changed(names: readonly ScheduleName[]) {
  return { passed: true, lines: names.length === 0 ? ['none is there'] : names, result: { changed: names } };
}

export const pause = pausing(true);
export const resume = pausing(false);
