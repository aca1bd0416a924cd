import { describe, expect, it } from 'vitest';
import { localTime, oddDay } from '../../../../scripts/commands/schedules/local-times.ts';
import { toolIn } from '../../../support/tool-process.ts';

const NOW = Date.UTC(2026, 10, 30);
const at = (hour: number, minute = 0) => ({ hour, minute });
const SUNDAY = 0;
const MONDAY = 1;

describe('a time of the day', () => {
  it.each<[string, { hour: number; minute: number }, number | null, ReturnType<typeof oddDay>]>([
    ['Europe/Berlin', at(2), null, { date: '2027-03-28', kind: 'skipped' }],
    ['Europe/Berlin', at(2, 30), SUNDAY, { date: '2027-03-28', kind: 'skipped' }],
    ['Europe/Berlin', at(2, 30), MONDAY, null],
    ['Europe/Berlin', at(3), null, null],
    ['Europe/London', at(1), null, { date: '2027-03-28', kind: 'skipped' }],
    ['America/Havana', at(0, 30), null, { date: '2027-03-14', kind: 'skipped' }],
    ['America/New_York', at(1, 30), null, { date: '2027-11-07', kind: 'repeated' }],
    ['Australia/Lord_Howe', at(2, 15), null, { date: '2027-10-03', kind: 'skipped' }],
    ['UTC', at(2), null, null],
    ['Asia/Kolkata', at(2), null, null],
  ])('of %s, %j on weekday %j', (zone, time, weekday, expected) => {
    expect(oddDay(zone, time, weekday, NOW)).toEqual(expected);
  });

  it.each([at(4), at(6), at(12), at(20, 59)])(
    'as %j is neither skipped nor repeated in any zone',
    (time) => {
      const odd = Intl.supportedValuesOf('timeZone').filter((zone) => oddDay(zone, time, null, NOW) !== null);
      expect(odd).toEqual([]);
    },
    120_000,
  );

  it('is shown as its zone has it', () => {
    expect(localTime('Europe/Berlin', new Date('2027-03-28T01:30:00Z'))).toBe('2027-03-28 03:30');
  });
});

describe('schedules apply', () => {
  it.each([
    ['--nightly', '02:00', 'is skipped, as clocks go forward'],
    ['--weekly', '02:30', 'is skipped, as clocks go forward'],
  ])('refuses %s %s in Europe/Berlin before it asks Temporal', async (option, time, words) => {
    const args = ['apply', '--timezone', 'Europe/Berlin', option, time];
    const { code, stderr } = await toolIn({ env: { TEMPORAL_ADDRESS: '127.0.0.1:1' } }, 'schedules', ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(`${time} of Europe/Berlin ${words}`);
    expect(stderr).toContain('Take a time from 04:00 to 20:59');
  });
});
