import { spawnSync } from 'node:child_process';
import { parseMetricsText } from '../../domain/metrics/prometheus-text.ts';

/** Suffixes that belong to the parts of a histogram or a summary. */
const OF_PARTS = /_(?:bucket|sum|count)$/;
const NOT_BASE =
  /(?:^|_)(?:milliseconds|microseconds|nanoseconds|ms|minutes|hours|days|kilobytes|megabytes|kb|mb)(?:_|$)/;

/**
 * What Prometheus' conventions want otherwise of a /metrics, in promtool's sense: HELP and TYPE of each family, counters
 * and they alone in `_total`, base units, and no label that belongs to another type. Families without a sample count too.
 */
export function lintMetrics(text: string): string[] {
  const types = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type] as const),
  );
  const helped = new Set([...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name = '']) => name));
  const familyOf = (name: string) => (types.has(name) ? name : name.replace(OF_PARTS, ''));
  const ofFamilies = [...types].flatMap(([name, type]) => {
    const parts = type === 'histogram' || type === 'summary';
    return [
      !helped.has(name) && `${name} has no HELP`,
      type === 'counter' && !name.endsWith('_total') && `${name} is a counter without _total`,
      type !== 'counter' && name.endsWith('_total') && `${name} is a ${type} with _total`,
      !parts && OF_PARTS.test(name) && `${name} is a ${type} with the suffix of a part`,
      NOT_BASE.test(name) && `${name} is not in a base unit`,
      !/^[a-z][a-z0-9_]*$/.test(name) && `${name} is not in lower case`,
    ].filter((problem) => problem !== false);
  });
  const ofSamples = parseMetricsText(text).flatMap(({ name, labels }) => {
    const type = types.get(familyOf(name));
    return [
      type === undefined && `${name} has no TYPE`,
      labels['quantile'] !== undefined && type !== 'summary' && `${name} has the label quantile`,
      labels['le'] !== undefined && type !== 'histogram' && `${name} has the label le`,
    ].filter((problem) => problem !== false);
  });
  return [...new Set([...ofFamilies, ...ofSamples])];
}

/** What `promtool check metrics` says; null where it is not installed (apt: prometheus). */
export function promtool(text: string): string | null {
  const said = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  return said.error === undefined ? `${said.stdout}${said.stderr}`.trim() : null;
}
