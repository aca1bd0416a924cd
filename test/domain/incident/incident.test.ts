import { describe, expect, it } from 'vitest';
import { formatAlert } from '../../../domain/alerts/alert-message.ts';
import type { Incident } from '../../../domain/incident/incident.ts';
import { incidentAfter, incidentSeen, isOver } from '../../../domain/incident/incident.ts';
import { incidentMarkdown } from '../../../domain/incident/incident-markdown.ts';
import type { Moment } from '../../support/alert-polls.ts';
import { MINUTE, Polls, SCENE, START, p95, shippedRules } from '../../support/alert-polls.ts';

const RULES = shippedRules();
const time = (ms: number) => `+${(ms - START) / MINUTE} min`;

/** What a monitor makes of these minutes: every incident that is over, and the one that is not. */
function incidentsOf(minutes: number, moment: (poll: number) => Moment, handedOver = false) {
  const polls = new Polls();
  polls.pass(minutes, moment);
  const over: { incident: Incident; endedMs: number }[] = [];
  let open: Incident | null = null;
  for (const event of polls.events) {
    const rule = RULES.rules.find(({ name }) => name === event.alert.name) ?? null;
    const nowMs = START + event.minute * MINUTE;
    const says = formatAlert(rule, event.alert);
    open = incidentAfter(open, event, { service: 'retriever', rule, says, did: [], handedOver, nowMs });
    if (open === null || !isOver(open)) continue;
    over.push({ incident: open, endedMs: nowMs });
    open = null;
  }
  return { over, open, polls };
}

const draftOf = ({ incident, endedMs }: { incident: Incident; endedMs: number }) =>
  incidentMarkdown({ workflowId: 'monitor/retriever', incident, endedMs, unfinished: null }, time);

const ALONE: Moment = { scene: { ...SCENE, candidate: null, run: null }, candidate: null };

describe('an incident', () => {
  it('lasts from the first critical alert to the end of the last, in one draft', () => {
    const stable = (poll: number) => (poll < 60 ? { ...p95(30), errors: poll > 20 ? 40 : 0 } : {});
    const { over, open } = incidentsOf(60, (poll) => ({ ...ALONE, stable: stable(poll) }));
    expect(open).toBeNull();
    expect(over).toHaveLength(1);
    const names = over[0]?.incident.alerts.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['p95-critical', 'errors-critical']));
    const text = draftOf(over[0]!);
    for (const part of [
      '# incident of retriever: p95-critical (stable v-1)',
      '| began | about +0 min |',
      '| first alert | +10 min |',
      '| rollout under way | none |',
      '- +10 min · fired: p95-critical (stable v-1): P95 of v-1 is ',
      'samples | 2 ms of ',
      '## To be filled in',
    ])
      expect(text).toContain(part);
    expect(text).toMatch(/\| errors-critical \| critical \| stable \| v-1 \| about \+\d/);
    expect(text).not.toContain('Not over');
  });

  it.each<[string, Moment]>([
    ['a warning', { ...ALONE, stable: p95(13) }],
    ['nothing', ALONE],
  ])('is none with %s alone', (_what, moment) => {
    const { over, open } = incidentsOf(120, () => moment);
    expect([over, open]).toEqual([[], null]);
  });

  it('is not opened for an alert that rolled back a rollout: the rollback writes its own post-mortem', () => {
    const { over, open, polls } = incidentsOf(20, () => ({ candidate: p95(30) }), true);
    expect(polls.of('p95-critical')).toHaveLength(1);
    expect([over, open]).toEqual([[], null]);
  });

  it('that comes again after it was over is another one', () => {
    const { over } = incidentsOf(90, (poll) => ({ ...ALONE, stable: poll % 80 < 40 ? p95(30) : {} }));
    expect(over).toHaveLength(2);
    expect(over[0]?.incident.id).not.toBe(over[1]?.incident.id);
  });

  it('remembers the worst that was measured while it lasted', () => {
    const { open, polls } = incidentsOf(15, () => ({ ...ALONE, stable: p95(30) }));
    const alert = polls.state.firing['p95-critical/stable']!;
    const seen = (value: number) => ({
      'p95-critical/stable': { ...alert, measured: { kind: 'value', value, n: 200 } as const },
    });
    const after = [90, 25].reduce((incident, value) => incidentSeen(incident, seen(value)), open!);
    expect(after.alerts[0]).toMatchObject({ worst: { value: 90 }, last: { value: 25 } });
  });

  it('that lasts for days stays small', () => {
    const { open } = incidentsOf(4 * 24 * 60, (poll) => ({
      ...ALONE,
      // P95 lasts, errors come and go.
      stable: { ...p95(30), errors: poll % 80 < 40 ? 40 : 0 },
    }));
    expect(open?.alerts.length).toBeLessThanOrEqual(20);
    expect(open?.alerts[0]).toMatchObject({ name: 'p95-critical', endedMs: null });
    expect(open?.timeline).toHaveLength(60);
    expect(JSON.stringify(open).length).toBeLessThan(30_000);
  });
});
