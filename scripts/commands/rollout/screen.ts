import type { Plan } from '../../../domain/plan/plan.ts';
import type { RolloutStatus } from '../../../domain/rollout/status/status.ts';
import type { TrafficReport } from '../../../devstack/traffic/tally.ts';
import { runbookClockMs, formatRunbookClock } from './clock.ts';
import { VERDICT_MARKS, rowLine, formatClock } from './format-status.ts';

/** What is known at one moment of a rollout. */
interface Moment {
  /** What the clock that started with the rollout is called. */
  readonly clock: 'demo' | 'real';
  readonly nowMs: number;
  readonly startedMs: number;
  readonly status: RolloutStatus;
  /** Null until it is known. */
  readonly plan: Plan | null;
  /** What simulated users see; null where there are none. */
  readonly traffic: TrafficReport | null;
}

/** The live terminal: timeline entries scroll by once each; below them, on a terminal, a few lines are redrawn. */
export interface Screen {
  show(moment: Moment): void;
  /** A line of its own. */
  note(text: string): void;
  /** Leaves the last lines standing. */
  close(): void;
}

/** Where there is no terminal, the live lines are printed this often instead of being redrawn. */
const PLAIN_EVERY_MS = 15_000;

export function createScreen(out: NodeJS.WriteStream): Screen {
  let lastShown: RolloutStatus['timeline'][number] | null = null;
  let live: readonly string[] = [];
  let plainMs = 0;
  const erase = () => {
    if (live.length > 0) out.write(`\u001b[${live.length}A\u001b[J`);
    live = [];
  };
  return {
    show(moment) {
      const fresh = after(moment.status.timeline, lastShown);
      lastShown = moment.status.timeline.at(-1) ?? lastShown;
      const lines = liveLines(moment);
      if (!out.isTTY) {
        for (const entry of fresh) out.write(`${timelineLine(entry, moment)}\n`);
        if (moment.nowMs - plainMs < PLAIN_EVERY_MS) return;
        plainMs = moment.nowMs;
        out.write(`${lines.map((line) => `      ${line}`).join('\n')}\n`);
        return;
      }
      erase();
      for (const entry of fresh) out.write(`${timelineLine(entry, moment)}\n`);
      live = ['', ...lines.map((line) => line.slice(0, out.columns - 1))];
      out.write(`${live.join('\n')}\n`);
    },
    note(text) {
      erase();
      out.write(`${text}\n`);
    },
    close: () => {
      live = [];
    },
  };
}

/** The entries behind one that was shown; a long timeline loses its oldest. */
function after(
  timeline: RolloutStatus['timeline'],
  shown: RolloutStatus['timeline'][number] | null,
): RolloutStatus['timeline'] {
  const at = timeline.findLastIndex(({ atMs, text }) => atMs === shown?.atMs && text === shown.text);
  return timeline.slice(at + 1);
}

const MARKS = { step: '·', verdict: '?', message: '>', guard: '!', held: '‖', outcome: '=' } as const;

function timelineLine(entry: RolloutStatus['timeline'][number], { startedMs }: Moment): string {
  const mark = entry.verdict === null ? MARKS[entry.kind] : VERDICT_MARKS[entry.verdict];
  return `${formatClock(entry.atMs - startedMs)} ${mark} ${entry.text}`;
}

/** The lines below the timeline: both clocks, the tree of stages and gate rows, and what users see. */
function liveLines({ clock, nowMs, startedMs, status, plan, traffic }: Moment): string[] {
  const runbook = runbookNow(status, plan, nowMs);
  const left = status.endsAt === null ? '' : `, at least ${formatClock(status.endsAt - nowMs)} left`;
  const next =
    status.nextDecisionAt === null
      ? `; waits for ${status.waits.for}`
      : `; next decision (${status.runbookClock ?? ''}) in ${formatClock(status.nextDecisionAt - nowMs)}`;
  return [
    `${clock} ${formatClock(nowMs - startedMs)}${runbook === null ? '' : `  |  runbook ${formatRunbookClock(runbook)}`}${left}`,
    `${status.state}: ${status.percent} % of users on ${status.candidate}${next}`,
    ...treeLines(status, plan),
    ...(traffic === null ? [] : [usersLine(traffic)]),
  ];
}

/** Stages with their latest verdict; below the one under way, the rows of its gate. */
function treeLines(status: RolloutStatus, plan: Plan | null): string[] {
  const stages = plan?.stages ?? [];
  return stages.flatMap((stage, i) => {
    const last = i === stages.length - 1;
    const verdict = status.timeline.findLast(
      (entry) => entry.stage === stage.name && entry.kind === 'verdict',
    )?.verdict;
    const mark = verdict ? VERDICT_MARKS[verdict] : status.stage === stage.name ? '…' : ' ';
    const rows = status.stage === stage.name ? status.rows : [];
    return [
      `${last ? '└─' : '├─'} ${mark} ${stage.name}  ${stage.percent} %  ${stage.runbookAt} to ${stage.runbookDecideAt}`,
      ...rows.map((row) => `${last ? '  ' : '│ '}    ${rowLine(row)}`),
    ];
  });
}

function runbookNow({ stage, timeline }: RolloutStatus, plan: Plan | null, nowMs: number): number | null {
  const since = timeline.find((entry) => entry.stage === stage)?.atMs;
  return plan === null || stage === null || since === undefined
    ? null
    : runbookClockMs(plan, stage, nowMs - since);
}

/** What users saw so far, in a line. */
export function usersLine({ answered, errors, byRelease, p50Ms, p95Ms }: TrafficReport): string {
  const shares = Object.entries(byRelease).map(([release, n]) => `${release} ${n.toLocaleString('en')}`);
  const latency = p95Ms === null ? '' : `; latency P50 ${p50Ms?.toFixed(1)} ms, P95 ${p95Ms.toFixed(1)} ms`;
  return `users: ${answered.toLocaleString('en')} answers (${shares.join(', ')}), ${errors} errors${latency}`;
}
