import { formatPercent, formatPoints } from '../core/units.ts';
import type { Trigger } from '../plan/plan.ts';
import type { LaneCounts } from '../statistics/likelihood-ratio.ts';
import type { Count } from '../statistics/proportion.ts';
import type { TriggerReading } from './trigger-evaluation.ts';

/** A trigger whose breach has begun, with its numbers. */
export function describeReading(
  { name, metric, over, overMs }: Trigger,
  reading: NonNullable<TriggerReading>,
): string {
  if (reading === 'down') return `${name}: the candidate's lane answers nobody`;
  const { count, allowed } = reading;
  const bad = metric === 'endToEndP95' ? `slower than ${over} ms` : metric;
  return `${name}: ${formatPercent(count.hits / count.n)} of ${count.n} requests in ${overMs / 1000} s ${bad}, ${formatPercent(allowed)} allowed`;
}

/** A trigger that fires: `errors: errorRate over 1 % for 10 min`. */
export function describeTrigger({ name, metric, over, forMs, polls }: Trigger): string {
  const limit = metric === 'endToEndP95' ? `${over} ms` : formatPercent(over);
  const time = forMs >= 60_000 ? `${forMs / 60_000} min` : `${forMs / 1000} s`;
  return `${name}: ${metric} over ${limit} ${polls > 0 ? `in ${polls} polls in a row` : `for ${time}`}`;
}

/** How long the guard has had no telemetry, and why. */
export function describeNoTelemetry(forMs: number, why: string): string {
  return `no telemetry for ${Math.round(forMs / 1000)} s: ${why}`;
}

/** A trigger that fires before its time: so many proofs in a row that the candidate alone fails. */
export function describeGrossFailure(
  { name, metric, over }: Trigger,
  { candidate, stable }: LaneCounts,
  proofs: number,
): string {
  const bad = metric === 'errorRate' ? 'failed' : `took over ${over} ms`;
  return `${name}, fast path: ${formatCount(candidate)} requests of the candidate ${bad}, ${formatCount(stable)} of stable, proven ${proofs} times in a row`;
}

/** A harm that is proven, with the counts of its last interval. */
export function describeHarm(name: string, tolerance: number, { candidate, stable }: LaneCounts): string {
  return `${name}: worse than stable by more than ${formatPoints(tolerance)}, at last ${formatCount(candidate)} against ${formatCount(stable)}`;
}

function formatCount({ hits, n }: Count): string {
  return `${Math.round(hits)} of ${Math.round(n)}`;
}
