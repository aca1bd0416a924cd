import type { Trigger } from '../plan/plan.ts';
import { isProvenBad } from '../rules/bad-share.ts';
import { isOver, newestVerdict } from '../rules/series.ts';
import { describeReading } from './describe-event.ts';
import type { TriggerReading } from './trigger-evaluation.ts';
import type { GuardContext, GuardEvent, GuardState } from './state.ts';

/**
 * Page at once only where chance is excluded: 48 hours hold some ten thousand polls. A breach is reported when the
 * whole interval of its look-back lies beyond the limit at three standard errors.
 */
const CERTAIN_Z = 3;

/** Reports each trigger whose breach has begun, once until it is over. */
export function detectNewBreaches(
  state: GuardState,
  readings: Readonly<Record<string, TriggerReading>>,
  context: GuardContext,
): { readonly state: GuardState; readonly event: GuardEvent | null } {
  const { triggers } = context.plan.guard;
  const still = state.notified.filter((name) => {
    const series = state.rules.candidate[name];
    return series !== undefined && !isOver(series);
  });
  const begun = triggers.flatMap((trigger) => {
    const reading = readings[trigger.name] ?? null;
    return !still.includes(trigger.name) && reading !== null && isCertain(trigger, reading)
      ? [{ trigger, reading }]
      : [];
  });
  const notified = [...still, ...begun.map(({ trigger }) => trigger.name)];
  if (begun.length === 0)
    return { state: notified.length === state.notified.length ? state : { ...state, notified }, event: null };
  const stableToo = begun.every(({ trigger }) => {
    const series = state.rules.stable[trigger.name];
    return series !== undefined && newestVerdict(series) === 'fail';
  });
  const trigger = begun.map((one) => one.trigger.name).join(', ');
  const reason = begun.map((one) => describeReading(one.trigger, one.reading)).join('; ');
  return { state: { ...state, notified }, event: { kind: 'breaching', trigger, reason, stableToo } };
}

function isCertain({ minSamples }: Trigger, reading: NonNullable<TriggerReading>): boolean {
  return reading === 'down' || isProvenBad(reading, minSamples, CERTAIN_Z);
}
