import { join } from 'node:path';
import { writeWhole } from '../../platform/json-file.ts';
import type { HistoryEntry, TrendMetric } from '../../domain/evaluation/history.ts';
import { TREND_DAYS, TREND_METRICS, trendOf } from '../../domain/evaluation/history.ts';
import { LEAST_CONTAINMENT } from '../../domain/evaluation/limits.ts';
import type { ChartSeries } from './line-chart.ts';
import { lineChart } from './line-chart.ts';

const NAMES: Record<TrendMetric, string> = { R_at_5: 'R@5', MRR: 'MRR', Contain_at_50: 'Contain@50' };
const DAY_MS = 86_400_000;
const MOST_TICKS = 8;

/** The nightly evaluations as an SVG: each night's value as a point, the rolling mean of seven days as a line. */
function trendChart(history: readonly HistoryEntry[]): string {
  const trends = TREND_METRICS.map((metric) => ({ metric, days: trendOf(history, 'nightly', metric) }));
  const days = [...new Set(trends.flatMap((trend) => trend.days.map(({ day }) => day)))];
  const series = [
    ...trends.map(({ metric, days: of }): ChartSeries => ({
      name: `${NAMES[metric]}, ${TREND_DAYS}-day mean`,
      drawn: 'line',
      points: of.map(({ day, rollingMean }) => ({ x: day, y: rollingMean })),
    })),
    ...trends.map(({ metric, days: of }): ChartSeries => ({
      name: NAMES[metric],
      drawn: 'points',
      points: of.map(({ day, value }) => ({ x: day, y: value })),
    })),
  ];
  return lineChart({
    title: 'Nightly clean evaluation',
    x: { label: 'day (UTC)', ticks: dayTicks(days), format: formatDay },
    y: { label: 'share of queries' },
    series,
    limits: [{ y: LEAST_CONTAINMENT, label: `least Contain@50` }],
  });
}

/** Writes the chart to `<artifactsDir>/eval/trend.svg`, whole or not at all, and returns its name. */
export async function writeTrend(artifactsDir: string, history: readonly HistoryEntry[]): Promise<string> {
  const file = join(artifactsDir, 'eval/trend.svg');
  await writeWhole(file, trendChart(history));
  return file;
}

/** Every day, or every second, third … where there are many. */
function dayTicks(days: readonly number[]): number[] {
  if (days.length === 0) return [];
  const [first, last] = [Math.min(...days), Math.max(...days)];
  const step = Math.max(1, Math.ceil((last - first + 1) / MOST_TICKS));
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => first + i * step);
}

/** MM-DD of days since 1970. */
function formatDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(5, 10);
}
