import { describe, expect, it } from 'vitest';
import { readPageInput } from '../../../domain/notification/input.ts';

const MESSAGE = { severity: 'critical', title: 'slow', text: 'P95 30 ms', dedupeKey: 'monitor/1' } as const;
const INCIDENT = { key: 'monitor', over: true, severity: 'critical' } as const;

describe('a message that is to be delivered', () => {
  it('keeps the incident that it is about', () => {
    expect(readPageInput(MESSAGE)).toEqual({ input: MESSAGE });
    expect(readPageInput({ ...MESSAGE, incident: INCIDENT })).toEqual({
      input: { ...MESSAGE, incident: INCIDENT },
    });
  });

  it.each([null, 'monitor', { key: 'monitor' }, { ...INCIDENT, severity: 'bad' }, { ...INCIDENT, more: 1 }])(
    'is refused with the incident %j, which is none',
    (incident) => {
      expect(readPageInput({ ...MESSAGE, incident })).toEqual({
        problems: [expect.stringMatching(/^incident: must be like /)],
      });
    },
  );
});
