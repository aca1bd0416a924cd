import { DRAFT_NOTE, cell, factLines, toFillIn } from './markdown.ts';
import { formatBlastRadius } from '../rollout/status/impact.ts';
import type { Plan } from '../plan/plan.ts';
import { formatTimes } from '../rollout/repeats.ts';
import type { RolloutState, TimelineEntry } from '../rollout/state.ts';
import type { StatusRow } from '../rollout/status/status.ts';
import { statusOf } from '../rollout/status/status.ts';
import type { RollbackVerification } from '../core/rollback-verification.ts';

/** What is known of an incident when it is over; what nobody but a person knows is left open in the draft. */
export interface Postmortem {
  readonly workflowId: string;
  /** One draft for each run. */
  readonly runId: string;
  readonly title: string;
  readonly reason: string;
  readonly candidate: string | null;
  readonly backTo: string | null;
  readonly plan: string | null;
  /** When it began, when something was done about it, and when it was over. */
  readonly startedMs: number;
  readonly triggeredMs: number | null;
  readonly endedMs: number;
  readonly safeAfterMs: number | null;
  readonly verification: RollbackVerification | null;
  /** Null where this run did not follow it. */
  readonly highestPercent: number | null;
  readonly rows: readonly StatusRow[];
  readonly timeline: readonly {
    readonly atMs: number;
    readonly percent: number | null;
    readonly text: string;
  }[];
  /** Lines on what users saw of it; empty where that was not counted. */
  readonly blastRadius: readonly string[];
}

const LONGEST_TEXT = 400;
const MOST_ENTRIES = 60;

/** What a rollout leaves behind; null where no user ever saw the candidate, or nothing went wrong. */
export function postmortemOf(
  plan: Plan,
  state: RolloutState,
  run: { readonly workflowId: string; readonly runId: string },
  nowMs: number,
): Postmortem | null {
  const { outcome, t0Ms, candidate, report } = state;
  const bad = outcome === 'rolledBack' || outcome === 'supersededByRollback' || outcome === 'cancelled';
  if (!bad || t0Ms === null) return null;
  return {
    ...run,
    title: `rollout of ${candidate}: ${outcome}`,
    reason: clip(state.outcomeReason ?? ''),
    candidate,
    backTo: report?.stable ?? null,
    plan: plan.name,
    startedMs: state.startedMs,
    triggeredMs: state.triggeredMs,
    endedMs: nowMs,
    safeAfterMs: state.safeAfterMs,
    verification: state.verification,
    highestPercent: Math.max(...state.timeline.map(({ percent }) => percent), state.percent),
    rows: statusOf(plan, state).rows.map((row) => ({ ...row, reason: clip(row.reason) })),
    timeline: shortened(state.timeline),
    blastRadius: [formatBlastRadius(state.blast.radius)],
  };
}

/** The beginning and the end: what a rollout that was held for days said in between is in its decision records. */
function shortened(timeline: readonly TimelineEntry[]): Postmortem['timeline'] {
  const half = MOST_ENTRIES / 2;
  const kept =
    timeline.length <= MOST_ENTRIES ? timeline : [...timeline.slice(0, half), ...timeline.slice(-half)];
  return kept.map((entry) => {
    const { atMs, percent, text } = entry;
    return { atMs, percent, text: `${clip(text)}${formatTimes(entry)}` };
  });
}

/** A text as long as a draft wants it. */
export function clip(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)} …`;
}

/** The draft as markdown; times are shown as the caller formats them. */
export function postmortemMarkdown(incident: Postmortem, time: (ms: number) => string): string {
  const { reason, rows, timeline, blastRadius } = incident;
  return [
    `# ${incident.title}`,
    '',
    DRAFT_NOTE,
    '',
    `**What happened.** ${reason}`,
    '',
    ...factLines(facts(incident, time)),
    '',
    '## What the gate saw last',
    '',
    ...(rows.length === 0
      ? ['No gate was judged.']
      : ['| row | verdict | samples | numbers |', '| --- | --- | --- | --- |']),
    ...rows.map(
      ({ metric, verdict, n, reason: why }) => `| ${metric} | ${verdict} | ${n ?? ''} | ${cell(why)} |`,
    ),
    '',
    '## Blast radius',
    '',
    ...(blastRadius.length === 0 ? ['Not counted.'] : blastRadius.map((line) => `- ${line}`)),
    '',
    '## Timeline',
    '',
    ...timeline.map(({ atMs, percent, text }) => {
      const share = percent === null ? '' : ` · ${percent} %`;
      return `- ${time(atMs)}${share} · ${text.replaceAll('\n', ' ')}`;
    }),
    '',
    ...toFillIn(QUESTIONS),
  ].join('\n');
}

function facts(incident: Postmortem, time: (ms: number) => string): [string, string][] {
  const { candidate, backTo, plan, triggeredMs, safeAfterMs, verification } = incident;
  const proof =
    verification === null
      ? 'none was made'
      : `${verification.verified ? 'verified' : 'NOT verified'}: ${verification.reason}; /health says ${verification.version ?? 'nothing'}; ${verification.metrics?.reason ?? 'metrics were not compared with the baseline'}`;
  return [
    ['release', candidate ?? 'not known'],
    ['users are on', backTo ?? 'not known'],
    ['plan', plan ?? 'none'],
    ['began', time(incident.startedMs)],
    ['triggered', triggeredMs === null ? 'not by this run' : time(triggeredMs)],
    ['over', time(incident.endedMs)],
    [
      'time to safe',
      safeAfterMs === null ? 'not measured by this run' : `${safeAfterMs} ms after the trigger`,
    ],
    [
      'highest share of users',
      incident.highestPercent === null ? 'not followed by this run' : `${incident.highestPercent} %`,
    ],
    ['verification', proof],
    ['run', `${incident.workflowId} ${incident.runId}`],
  ];
}

const QUESTIONS = [
  'What did users notice, and who reported it first?',
  'Why did it happen? Which change of the release, the data or the machines?',
  'Why did pre-flight and the offline evaluation not show it?',
  'Was it found as early as the plan could have found it? `rollout judge` tries other limits on the same records.',
  'What went well, and where were we lucky?',
  'What do we change, who does it, and until when?',
] as const;
