import { definitionOf } from '../metrics/registry.ts';
import type { PowerRefusal, PowerWarning } from './power-analysis.ts';
import type { EffectiveLimits, RowPower } from './row-power.ts';

type OfRow = Pick<RowPower, 'metric' | 'compareTo'>;

/** Why a plan is refused at this traffic. */
export function describeRefusal(refusal: PowerRefusal): string {
  const { stage, requestsAtMost } = refusal;
  const name = `${stage}: ${nameOf(refusal)}`;
  switch (refusal.code) {
    case 'tooFewSamples':
      return `${name}: ${requestsAtMost} samples at the most, and ${refusal.minSamples} are the least`;
    case 'cannotPass':
      return `${name}: cannot pass, not even with ${requestsAtMost} samples`;
    default:
      return refusal satisfies never;
  }
}

/** What a plan does not see at this traffic, or sees late. */
export function describeWarning(warning: PowerWarning): string {
  const { stage } = warning;
  switch (warning.code) {
    case 'passesLate':
      return `${stage}: ${nameOf(warning)}: passes only after ${formatDuration(warning.extendedMs)} of extending`;
    case 'underpowered':
      return `${stage}: ${nameOf(warning)}: ${
        warning.minimumDetectableEffect === null
          ? 'can tell no harm at all'
          : `can tell no harm smaller than ${formatValue(warning, warning.minimumDetectableEffect)}`
      }`;
    case 'rareKinds': {
      const [from, to] = [warning.fromShare, warning.toShare].map((share) =>
        Number((share * 100).toPrecision(2)),
      );
      return `${stage}: ${nameOf(warning)}: of a kind with ${from} to ${to} % of the queries it stays unknown`;
    }
    case 'slowEmergency':
      return `${stage}: a gross failure would be noticed only within ${Math.round(warning.minutes)} min`;
    case 'noRequests':
      return `${stage}: the candidate has no requests`;
    default:
      return warning satisfies never;
  }
}

/** A row as the plan's reader knows it. */
export function nameOf({ metric, compareTo }: OfRow): string {
  return compareTo === 'stable' ? `${metric} against stable` : metric;
}

/** A value in the units of the row's limits: `0.62 %`, `0.37 points`, `8.2 ms`, `x1.23`. */
export function formatValue({ metric, compareTo }: OfRow, value: number): string {
  const isLatency = definitionOf(metric).unit === 'ms';
  if (isLatency) return compareTo === 'stable' ? `x${rounded(value, 3)}` : `${rounded(value, 3)} ms`;
  const isShare = definitionOf(metric).unit === 'share' && compareTo === 'limit';
  return `${rounded(100 * value, 2)} ${isShare ? '%' : 'points'}`;
}

/** `passes up to 0.9 %, warns from 1.1 %, fails from 1.3 %`. */
export function formatEffectiveLimits(
  row: OfRow & Pick<RowPower, 'warnAbove' | 'failAbove'>,
  limits: EffectiveLimits | null,
): string {
  if (limits === null) return 'has too few samples';
  const { passUpTo, warnFrom, failFrom } = limits;
  const at = (value: number | null) => (value === null ? 'no value' : formatValue(row, value));
  return [
    passUpTo === null ? 'passes at no value' : `passes up to ${at(passUpTo)}`,
    ...(row.warnAbove === null ? [] : [`warns from ${at(warnFrom)}`]),
    ...(row.failAbove === null ? [] : [`fails from ${at(failFrom)}`]),
  ].join(', ');
}

function rounded(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}

function formatDuration(ms: number): string {
  return ms >= 3_600_000
    ? `${Number((ms / 3_600_000).toFixed(1))} h`
    : ms >= 60_000
      ? `${Math.round(ms / 60_000)} min`
      : `${Math.round(ms / 1000)} s`;
}
