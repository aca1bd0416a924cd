import type { Plan } from '../../domain/plan.ts';
import type { RolloutStatus } from '../../domain/status.ts';
import type { TrafficReport } from '../traffic/tally.ts';
import { runbookClockMs, sayRunbookClock } from './clock.ts';

/** What is known at one moment of a demo. */
interface Moment {
  readonly nowMs: number;
  readonly startedMs: number;
  readonly status: RolloutStatus;
  readonly plan: Plan;
  readonly traffic: TrafficReport | null;
}

/** The live terminal: timeline entries scroll by once each; below them, on a terminal, a few lines are redrawn. */
export interface Screen {
  show(moment: Moment): void;
  /** Leaves the last lines standing. */
  close(): void;
}

/** Where there is no terminal, the live lines are printed this often instead of being redrawn. */
const PLAIN_EVERY_MS = 15_000;

export function createScreen(out: NodeJS.WriteStream): Screen {
  let printed = 0;
  let live: readonly string[] = [];
  let plainMs = 0;
  const erase = () => {
    if (live.length > 0) out.write(`\u001b[${live.length}A\u001b[J`);
    live = [];
  };
  return {
    show(moment) {
      const { timeline } = moment.status;
      const fresh = timeline.slice(printed);
      printed = timeline.length;
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
    close: () => {
      live = [];
    },
  };
}

const MARKS = { step: '·', verdict: '?', message: '>', guard: '!', held: '‖', outcome: '=' } as const;

function timelineLine(entry: RolloutStatus['timeline'][number], { startedMs }: Moment): string {
  const mark = entry.verdict === null ? MARKS[entry.kind] : VERDICT_MARKS[entry.verdict];
  return `${sayDemoClock(entry.atMs - startedMs)} ${mark} ${entry.text}`;
}

const VERDICT_MARKS = { green: '✓', warn: '⚠', red: '✗', unknown: '?' } as const;

/** The lines below the timeline: both clocks, the stage, the latest gate's rows, and what users see. */
function liveLines({ nowMs, startedMs, status, plan, traffic }: Moment): string[] {
  const clock = runbookNow(status, plan, nowMs);
  const left = status.endsAt === null ? '' : `, at least ${sayDemoClock(status.endsAt - nowMs)} left`;
  const next =
    status.nextDecisionAt === null
      ? ''
      : `; next decision (${status.runbookClock ?? ''}) in ${sayDemoClock(status.nextDecisionAt - nowMs)}`;
  return [
    `demo ${sayDemoClock(nowMs - startedMs)}${clock === null ? '' : `  |  runbook ${sayRunbookClock(clock)}`}${left}`,
    `${status.state}: ${status.percent} % of users on ${status.candidate}${next}`,
    ...status.rows.map(
      ({ verdict, reason, distance }) =>
        `  ${VERDICT_MARKS[verdict]} ${reason}${distance === null ? '' : ` (${distance})`}`,
    ),
    ...(traffic === null ? [] : [usersLine(traffic)]),
  ];
}

function runbookNow({ stage, timeline }: RolloutStatus, plan: Plan, nowMs: number): number | null {
  const since = timeline.find((entry) => entry.stage === stage)?.atMs;
  return stage === null || since === undefined ? null : runbookClockMs(plan, stage, nowMs - since);
}

/** What users saw so far, in a line. */
export function usersLine({ answered, errors, byRelease, p50Ms, p95Ms }: TrafficReport): string {
  const shares = Object.entries(byRelease).map(([release, n]) => `${release} ${n.toLocaleString('en')}`);
  const latency = p95Ms === null ? '' : `; latency P50 ${p50Ms?.toFixed(1)} ms, P95 ${p95Ms.toFixed(1)} ms`;
  return `users: ${answered.toLocaleString('en')} answers (${shares.join(', ')}), ${errors} errors${latency}`;
}

/** `1:05`; never negative. */
function sayDemoClock(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
