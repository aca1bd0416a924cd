import { formatBlastRadius } from '../../../domain/rollout/status/impact.ts';
import type { RolloutStatus, StatusRow } from '../../../domain/rollout/status/status.ts';

export const VERDICT_MARKS = { pass: '✓', warn: '⚠', fail: '✗', inconclusive: '?' } as const;

/** `1:05`, `2:00:00`; never negative. */
export function formatClock(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours === 0 ? `${minutes}:${two(seconds % 60)}` : `${hours}:${two(minutes)}:${two(seconds % 60)}`;
}

/** Date and time in UTC, to the second. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** A gate's row: its verdict, its samples, the interval that decided, and why. */
export function rowLine({ verdict, n, interval, reason, distance }: StatusRow): string {
  const percent = (share: number) => (share * 100).toFixed(1);
  // What was read off, and not sampled, has no interval to show.
  const bounds =
    interval === null || interval.low === interval.high
      ? ''
      : `  [${percent(interval.low)}, ${percent(interval.high)}] %`;
  const far = distance === null ? '' : ` (${distance})`;
  return `${VERDICT_MARKS[verdict]} ${reason}${far}${n === null ? '' : `  n ${n.toLocaleString('en')}`}${bounds}`;
}

/** Where a rollout stands, in a few lines. */
export function statusLines(status: RolloutStatus, nowMs: number): string[] {
  const { candidate, rollsBackTo, nextDecisionAt, runbookClock, endsAt, safeAfterMs } = status;
  const { blastRadius, ladder, waits } = status;
  const at = (ms: number) => `${formatTime(ms)}, in ${formatClock(ms - nowMs)}`;
  return [
    `${candidate} over ${rollsBackTo ?? 'the stable release'}: ${status.state}, ${status.percent} % of users`,
    `why            ${status.reason}`,
    `verdict        ${status.verdict ?? 'none yet'}`,
    ...status.rows.map((row) => `  ${rowLine(row)}`),
    ...(status.outcome === null
      ? [`waits for      ${waits.for}${waits.untilMs === null ? '' : `, until ${at(waits.untilMs)}`}`]
      : []),
    ...(nextDecisionAt === null ? [] : [`next decision  ${runbookClock ?? ''} at ${at(nextDecisionAt)}`]),
    ...(blastRadius === null ? [] : [`blast radius   ${formatBlastRadius(blastRadius)}`]),
    ...ladder.map(({ stage, step, because }) => `ladder         ${stage}: ${step}: ${because}`),
    ...(endsAt === null ? [] : [`left           at least ${formatClock(endsAt - nowMs)}`]),
    ...(safeAfterMs === null
      ? []
      : [
          `rollback       users safe after ${safeAfterMs} ms, ${status.verified ? 'verified' : 'NOT verified'}`,
        ]),
  ];
}
