import { RestlessWorld } from '../../simulation/noisy-environment.ts';
import type { Scenario } from '../../simulation/scenarios.ts';
import { statusOf } from '../../domain/rollout/status/status.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import { nextAction } from '../../domain/rollout/next-action.ts';
import type { RolloutState } from '../../domain/rollout/state.ts';
import type { Observer } from '../../simulation/simulate.ts';
import { simulateRollout } from '../../simulation/rollout.ts';
import { seededRandom } from '../../devstack/traffic/arrivals.ts';
import type { GuardEvent, GuardState } from '../../domain/guard/state.ts';
import { newestVerdict } from '../../domain/rules/series.ts';
import type { DriverEvent } from '../../domain/rollout/driver.ts';

/** Requests per second in the recorded worlds. */
const RATE = 20;
/** Of 11,500 polls of a guard each 60th is recorded, besides those with an event. */
const POLLS_APART = 60;
/** Sums in another order differ in the last digits. */
const DIGITS = 9;

/** One rollout in a scenario: every event with the status and the next action that follow from it, and the guard's view. */
export function recordRollout(plan: Plan, { defect }: Scenario, seed: number): string[] {
  const notes = new Notes();
  const random = seededRandom(seed + 1_000_000);
  const { state: _last, ...end } = simulateRollout(
    plan,
    new RestlessWorld(RATE, defect, seededRandom(seed)),
    random,
    new Recorder(plan, notes),
  );
  notes.add({ end });
  return notes.lines;
}

/** Lines of JSON with rounded numbers. */
export class Notes {
  readonly lines: string[] = [];

  add(value: object): void {
    this.lines.push(
      JSON.stringify(value, (_key, of: unknown) =>
        typeof of === 'number' && !Number.isInteger(of) ? Number(of.toPrecision(DIGITS)) : of,
      ),
    );
  }
}

class Recorder implements Observer {
  private readonly plan: Plan;
  private readonly notes: Notes;
  private last: Readonly<Record<string, unknown>> = {};
  private polls = 0;

  constructor(plan: Plan, notes: Notes) {
    this.plan = plan;
    this.notes = notes;
  }

  reduced(nowMs: number, { kind }: DriverEvent, before: RolloutState, after: RolloutState): void {
    const { timeline, ...status } = statusOf(this.plan, after);
    const now: Record<string, unknown> = { ...status, next: nextAction(this.plan, after) };
    const changed = Object.fromEntries(
      Object.entries(now).filter(([field, value]) => JSON.stringify(value) !== this.last[field]),
    );
    this.last = Object.fromEntries(
      Object.entries(now).map(([field, value]) => [field, JSON.stringify(value)]),
    );
    this.notes.add({ nowMs, event: kind, changed, said: timeline.slice(before.timeline.length) });
  }

  polled(nowMs: number, guard: GuardState, event: GuardEvent | null): void {
    if (event === null && this.polls++ % POLLS_APART > 0) return;
    const verdicts = (lane: 'candidate' | 'stable') =>
      guard.samples.length === 0
        ? null
        : Object.fromEntries(
            Object.entries(guard.rules[lane]).map(([name, series]) => [name, newestVerdict(series)]),
          );
    const [candidate, stable] = [verdicts('candidate'), verdicts('stable')];
    this.notes.add({ nowMs, guard: event, candidate, stable });
  }
}
