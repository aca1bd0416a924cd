import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, describe, it } from 'vitest';
import { createPostmortems } from '../../../activities/audit/postmortem.ts';
import type { IncidentDraft } from '../../../domain/incident/incident-markdown.ts';
import type { Postmortem } from '../../../domain/incident/postmortem.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postmortem-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const ENDED_MS = Date.UTC(2026, 10, 26, 3, 12, 9);
const incident = (runId: string): Postmortem => ({
  workflowId: 'rollout/retriever',
  runId,
  title: 'rollout of r-2: rolledBack',
  reason: 'error rate 24 % of 60 | gross errors',
  candidate: 'r-2',
  backTo: 'v-1',
  plan: 'demo',
  startedMs: ENDED_MS - 60_000,
  triggeredMs: ENDED_MS - 900,
  endedMs: ENDED_MS,
  safeAfterMs: 41,
  verification: {
    verified: true,
    reason: '32 of 32 probes',
    probes: 32,
    matching: 32,
    version: 'v-1',
    metrics: null,
  },
  highestPercent: 25,
  rows: [
    {
      metric: 'errorRate',
      verdict: 'fail',
      reason: '24 % of 60',
      n: 60,
      interval: { low: 0.1, high: 0.4 },
      distance: null,
    },
  ],
  timeline: [{ atMs: ENDED_MS - 900, percent: 25, text: 'rollback: error rate 24 %' }],
  blastRadius: [],
});

describe('the draft of a post-mortem', () => {
  it('[H4] has what was measured, and is written once for each run, beside others of the day', async () => {
    const { writePostmortem } = createPostmortems(folder);
    const [first, again, second] = [
      await writePostmortem(incident('one')),
      await writePostmortem(incident('one')),
      await writePostmortem(incident('two')),
    ];
    expect(again).toEqual(first);
    expect(readdirSync(join(folder, 'postmortems')).toSorted()).toEqual([
      '20261126_incident.md',
      '20261126_incident_2.md',
    ]);
    expect(second.file).toMatch(/_2\.md$/);
    const text = readFileSync(first.file, 'utf8');
    for (const part of [
      'rollout of r-2: rolledBack',
      '41 ms after the trigger',
      'verified: 32 of 32 probes; /health says v-1',
      '| errorRate | fail | 60 | 24 % of 60 |',
      '2026-11-26T03:12:08Z · 25 % · rollback: error rate 24 %',
      '## To be filled in',
    ])
      expect(text).toContain(part);
  });

  it('never writes over what a person wrote', async () => {
    const { writePostmortem } = createPostmortems(folder);
    const { file } = await writePostmortem(incident('one'));
    writeFileSync(file, 'what a person made of it');
    expect((await writePostmortem(incident('two'))).file).not.toBe(file);
    expect(readFileSync(file, 'utf8')).toBe('what a person made of it');
  });
});

describe('the draft of an incident without a rollback', () => {
  const draft = (sinceMs: number): IncidentDraft => ({
    workflowId: 'monitor/retriever',
    incident: {
      id: `p95-critical/stable/${sinceMs}`,
      service: 'retriever',
      alerts: [
        {
          key: 'p95-critical/stable',
          name: 'p95-critical',
          severity: 'critical',
          metric: 'endToEndP95',
          lane: 'stable',
          release: 'v-1',
          run: null,
          beganMs: sinceMs - 600_000,
          firedMs: sinceMs,
          endedMs: ENDED_MS,
          says: 'P95 of v-1 is 31 ms, over 20 ms for 10 min',
          worst: { kind: 'value', value: 44.2, n: 910 },
          last: { kind: 'value', value: 3, n: 800 },
        },
      ],
      timeline: [
        { atMs: sinceMs, text: 'notified the log and hooks.example (slack), as critical: p95-critical' },
      ],
    },
    endedMs: ENDED_MS,
    unfinished: null,
  });

  it('has rule, lane, release, times, numbers and who was notified; one for each, also where the call is repeated', async () => {
    const { writeIncident, writePostmortem } = createPostmortems(folder);
    await writePostmortem(incident('one'));
    const first = await writeIncident(draft(ENDED_MS - 900_000));
    // A worker that died after it wrote does it again.
    expect(await createPostmortems(folder).writeIncident(draft(ENDED_MS - 900_000))).toEqual(first);
    await writeIncident(draft(ENDED_MS - 60_000));
    expect(readdirSync(join(folder, 'postmortems')).toSorted()).toEqual([
      '20261126_incident.md',
      '20261126_incident_2.md',
      '20261126_incident_3.md',
    ]);
    const text = readFileSync(first.file, 'utf8');
    for (const part of [
      '| p95-critical | critical | stable | v-1 | about 2026-11-26T02:47:09Z | 2026-11-26T02:57:09Z | 2026-11-26T03:12:09Z | 44.2 ms of 910 samples | 3 ms of 800 samples |',
      '2026-11-26T02:57:09Z · notified the log and hooks.example (slack), as critical',
      'P95 of v-1 is 31 ms, over 20 ms for 10 min',
    ])
      expect(text).toContain(part);
  });
});
