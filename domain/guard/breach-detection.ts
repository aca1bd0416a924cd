import type { LookBack } from './trigger-evaluation.ts';
import { lookBack } from './trigger-evaluation.ts';
import type { Trigger } from '../plan/plan.ts';
import { wilson } from '../statistics/proportion.ts';
import type { GuardContext, GuardEvent, GuardState } from './state.ts';

/**
 * Page at once only where chance is excluded: 48 hours hold some ten thousand polls. A breach is reported when the
 * whole interval of its look-back lies beyond the limit at three standard errors.
 */
const CERTAIN_Z = 3;

/** Tells of each trigger whose breach has begun, once until it is over. */
export function detectNewBreaches(
  state: GuardState,
  context: GuardContext,
  nowMs: number,
): { readonly state: GuardState; readonly event: GuardEvent | null } {
  const { triggers } = context.plan.guard;
  // Over: no poll that is remembered has breached. One clear poll amid others is no end, and no second page.
  const still = state.notified.filter((name) =>
    state.records.some(({ candidate }) => candidate[name] === 'breach'),
  );
  const begun = triggers.flatMap((rule) => {
    if (still.includes(rule.name)) return [];
    const seen = lookBack(rule, 'candidate', state.snapshots, context, nowMs);
    return seen !== null && isCertain(rule, seen) ? [{ rule, says: formatBreach(rule, seen) }] : [];
  });
  const notified = [...still, ...begun.map(({ rule }) => rule.name)];
  if (begun.length === 0)
    return { state: notified.length === state.notified.length ? state : { ...state, notified }, event: null };
  const trigger = begun.map(({ rule }) => rule.name).join(', ');
  const reason = begun.map(({ says }) => says).join('; ');
  const stable = state.records.at(-1)?.stable ?? {};
  const stableToo = begun.every(({ rule }) => stable[rule.name] === 'breach');
  return { state: { ...state, notified }, event: { kind: 'breaching', trigger, reason, stableToo } };
}

function isCertain({ minSamples }: Trigger, seen: LookBack | 'down'): boolean {
  if (seen === 'down') return true;
  const { hits, n } = seen.beyond;
  return n > 0 && n >= minSamples && wilson(hits, n, CERTAIN_Z).low > seen.limit;
}

function formatBreach({ name, metric, over, overMs }: Trigger, seen: LookBack | 'down'): string {
  if (seen === 'down') return `${name}: the candidate's lane answers nobody`;
  const { hits, n } = seen.beyond;
  const bad = metric === 'endToEndP95' ? `slower than ${over} ms` : metric;
  const share = (value: number) => `${Number((value * 100).toFixed(2))} %`;
  return `${name}: ${share(hits / n)} of ${n} requests in ${overMs / 1000} s ${bad}, ${share(seen.limit)} allowed`;
}
