import { describe, expect, it } from 'vitest';
import type { LineChart } from '../../../activities/evaluation/line-chart.ts';
import { lineChart } from '../../../activities/evaluation/line-chart.ts';

const CHART: LineChart = {
  title: 'recall and latency',
  x: { label: 'P95 (ms)' },
  y: { label: 'recall@10' },
  series: [
    {
      name: 'all nprobes',
      drawn: 'line-and-points',
      points: [
        { x: 3.2, y: 0.975, label: 'nprobe 4' },
        { x: 4.8, y: 0.99, label: 'nprobe 8' },
        { x: 10.5, y: 1, label: 'nprobe 16' },
      ],
    },
  ],
};

/** Values of an attribute of all elements of a name, in their order. */
const attributes = (svg: string, element: string, name: string) =>
  [...svg.matchAll(new RegExp(`<${element} [^>]*?\\b${name}="([^"]*)"`, 'g'))].map(([, value]) => value);

describe('a line chart', () => {
  it('shows title, axes with their units, the series and the points by name', () => {
    const svg = lineChart(CHART);
    for (const words of ['recall and latency', 'P95 (ms)', 'recall@10', 'all nprobes', 'nprobe 8'])
      expect(svg).toContain(`>${words}</text>`);
  });

  it('puts larger values further right and further up', () => {
    const svg = lineChart(CHART);
    const x = attributes(svg, 'circle', 'cx').map(Number);
    const y = attributes(svg, 'circle', 'cy').map(Number);
    expect(x).toEqual(x.toSorted((a, b) => a - b));
    expect(y).toEqual(y.toSorted((a, b) => b - a));
  });

  it('has round ticks that enclose the values', () => {
    const svg = lineChart(CHART);
    for (const tick of ['0.975', '0.98', '0.99', '1', '2', '4', '10', '12'])
      expect(svg).toContain(`>${tick}</text>`);
  });

  it.each<[string, LineChart['series'][number]['points']]>([
    ['no point', []],
    ['a value that is no number', [{ x: 1, y: Number.NaN }]],
  ])('with %s says that there is no data, and draws no number that is none', (_, points) => {
    const svg = lineChart({ ...CHART, series: [{ name: 'empty', drawn: 'line', points }] });
    expect(svg).toContain('no data yet');
    expect(svg).not.toMatch(/NaN|Infinity/);
  });

  it('shows a single day, a line of which would be nothing', () => {
    const svg = lineChart({ ...CHART, series: [{ name: 'one', drawn: 'line', points: [{ x: 5, y: 5 }] }] });
    expect(attributes(svg, 'circle', 'cx')).toHaveLength(1);
    expect(svg).not.toMatch(/NaN|Infinity/);
  });

  it('keeps a limit on the sheet that no point reaches', () => {
    const svg = lineChart({ ...CHART, limits: [{ y: 0.8, label: 'least' }] });
    expect(svg).toContain('>least</text>');
    const lowest = Math.max(...attributes(svg, 'line', 'y1').map(Number));
    expect(lowest).toBeLessThanOrEqual(420);
    expect(svg).toContain('>0.8</text>');
  });

  it('is XML whatever the names are', () => {
    const svg = lineChart({ ...CHART, title: 'a < b & "c"' });
    expect(svg).toContain('a &#60; b &#38; &#34;c&#34;');
  });
});
