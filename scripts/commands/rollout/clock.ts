import type { Plan } from '../../../domain/plan/plan.ts';

/** A moment of the demo's plan and the same moment of the runbook, both in ms after T0. */
interface Mark {
  readonly demoMs: number;
  readonly runbookMs: number;
}

/**
 * The runbook's clock (ms after T0) when a stage of the demo's plan has lasted `inStageMs`: linear between the moments
 * that both plans name. A stage that lasts longer than planned stands still just before the next one.
 */
export function runbookClockMs(plan: Plan, stageName: string, inStageMs: number): number | null {
  const at = plan.stages.findIndex(({ name }) => name === stageName);
  const stage = plan.stages[at];
  if (stage === undefined) return null;
  const untilMs = plan.stages[at + 1]?.atMs ?? stage.decideAtMs;
  const demoMs = Math.min(stage.atMs + Math.max(0, inStageMs), untilMs);
  const marks = marksOf(plan);
  const after = marks.findIndex((mark) => mark.demoMs > demoMs);
  const [from, to] = [marks[after - 1] ?? marks.at(-1), marks[after]];
  if (from === undefined) return null;
  if (to === undefined) return from.runbookMs;
  const share = (demoMs - from.demoMs) / (to.demoMs - from.demoMs);
  return from.runbookMs + share * (to.runbookMs - from.runbookMs);
}

function marksOf(plan: Plan): Mark[] {
  return plan.stages
    .flatMap((stage) => [
      { demoMs: stage.atMs, runbookMs: runbookMoment(stage.runbookAt) },
      { demoMs: stage.decideAtMs, runbookMs: runbookMoment(stage.runbookDecideAt) },
    ])
    .toSorted((a, b) => a.demoMs - b.demoMs);
}

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, min: 60_000, m: 60_000, d: 86_400_000 };

/** `T0`, `T+30min`, `T+2h` in ms after T0. */
function runbookMoment(text: string): number {
  const match = /^T\+(\d+(?:\.\d+)?)(d|h|min|m)$/.exec(text.replaceAll(' ', ''));
  return match === null ? 0 : Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 0);
}

/** `T+2h05` as the screen shows it. */
export function formatRunbookClock(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  return `T+${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}`;
}
