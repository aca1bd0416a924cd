/** One point of a series; `label` is written beside it. Points that are no finite number are left out. */
interface ChartPoint {
  readonly x: number;
  readonly y: number;
  readonly label?: string;
}

export interface ChartSeries {
  readonly name: string;
  readonly points: readonly ChartPoint[];
  /** A line through the points in their order, or the points alone; a line without dots for smoothed values. */
  readonly drawn: 'line' | 'points' | 'line-and-points';
}

interface ChartAxis {
  /** With its unit. */
  readonly label: string;
  /** Where ticks are; round numbers between least and most where absent. */
  readonly ticks?: readonly number[];
  /** How a tick reads; the number itself where absent. */
  readonly format?: (value: number) => string;
  /** Values that lie within the axis whatever the points are, such as a limit. */
  readonly include?: readonly number[];
}

export interface LineChart {
  readonly title: string;
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly series: readonly ChartSeries[];
  /** Horizontal dashed lines with their meaning. */
  readonly limits?: readonly { readonly y: number; readonly label: string }[];
}

const SIZE = { width: 760, height: 420 } as const;
const LEGEND_ROW = 20;
const MARGIN = { left: 72, right: 24, top: 40, bottom: 60 } as const;
/** Okabe and Ito's palette: distinct with red-green blindness too. */
const COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'] as const;
const TICKS = 6;

interface Scale {
  readonly ticks: readonly number[];
  /** Pixel of a value. */
  at(value: number): number;
}

/** A line or scatter chart with axes, labels and a legend, as an SVG of its own. */
export function lineChart(chart: LineChart): string {
  const series = chart.series.map((one) => ({
    ...one,
    points: one.points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)),
  }));
  const points = series.flatMap((one) => one.points);
  const limits = chart.limits ?? [];
  const top = MARGIN.top + LEGEND_ROW * Math.ceil(series.length / 3);
  const bottom = SIZE.height - MARGIN.bottom;
  const x = scaleOf(
    chart.x,
    points.map((point) => point.x),
    MARGIN.left,
    SIZE.width - MARGIN.right,
  );
  const heights = [...points.map((point) => point.y), ...limits.map((limit) => limit.y)];
  const y = scaleOf(chart.y, heights, bottom, top);
  const middle = (MARGIN.left + SIZE.width - MARGIN.right) / 2;
  const parts = [
    ...gridOf(chart, x, y, { top, bottom }),
    ...limits.map((limit) => limitLine(limit, y.at(limit.y))),
    ...series.map((one, i) => drawSeries(one, x, y, colorOf(i))),
    ...series.map((one, i) => legendEntry(one, i)),
    ...(points.length === 0 ? [text(middle, (top + bottom) / 2, 'no data yet', 'middle')] : []),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${SIZE.height}" width="${SIZE.width}" height="${SIZE.height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="${MARGIN.left}" y="24" font-size="15">${escaped(chart.title)}</text>
${parts.join('\n')}
</svg>
`;
}

function colorOf(i: number): string {
  return COLORS[i % COLORS.length] ?? COLORS[0];
}

function scaleOf(axis: ChartAxis, values: readonly number[], from: number, to: number): Scale {
  const all = [...values, ...(axis.include ?? []), ...(axis.ticks ?? [])];
  const [least, most] = all.length === 0 ? [0, 1] : [Math.min(...all), Math.max(...all)];
  const ticks = axis.ticks ?? roundTicks(least, most);
  const low = Math.min(least, ticks[0] ?? least);
  const high = Math.max(most, ticks.at(-1) ?? most);
  // One value alone lies in the middle.
  const at = (value: number) =>
    high === low ? (from + to) / 2 : from + ((value - low) / (high - low)) * (to - from);
  return { ticks, at };
}

/** About six multiples of 1, 2 or 5 times a power of ten that enclose the values. */
function roundTicks(least: number, most: number): number[] {
  const span = most - least || Math.abs(most) || 1;
  const rough = span / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const first = Math.floor(least / step + 1e-9);
  const last = Math.ceil(most / step - 1e-9);
  // Back from whole steps, so that 0.30000000000000004 is 0.3.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function gridOf(
  chart: LineChart,
  x: Scale,
  y: Scale,
  { top, bottom }: { readonly top: number; readonly bottom: number },
): string[] {
  const right = SIZE.width - MARGIN.right;
  const say = ({ format = String }: ChartAxis, value: number) => format(value);
  return [
    ...y.ticks.flatMap((tick) => [
      line(MARGIN.left, y.at(tick), right, y.at(tick), 'stroke="#e4e4e4"'),
      text(MARGIN.left - 8, y.at(tick) + 4, say(chart.y, tick), 'end'),
    ]),
    ...x.ticks.flatMap((tick) => [
      line(x.at(tick), bottom, x.at(tick), bottom + 5, 'stroke="#444"'),
      text(x.at(tick), bottom + 20, say(chart.x, tick), 'middle'),
    ]),
    line(MARGIN.left, bottom, right, bottom, 'stroke="#444"'),
    line(MARGIN.left, top, MARGIN.left, bottom, 'stroke="#444"'),
    text((MARGIN.left + right) / 2, SIZE.height - 16, chart.x.label, 'middle'),
    `<text transform="translate(18 ${round((top + bottom) / 2)}) rotate(-90)" text-anchor="middle">${escaped(chart.y.label)}</text>`,
  ];
}

function limitLine({ label }: { readonly label: string }, at: number): string {
  const right = SIZE.width - MARGIN.right;
  return `${line(MARGIN.left, at, right, at, 'stroke="#b00" stroke-dasharray="6 4"')}${text(right, at - 5, label, 'end')}`;
}

function drawSeries({ points, drawn }: ChartSeries, x: Scale, y: Scale, color: string): string {
  const places = points.map((point) => ({ ...point, cx: round(x.at(point.x)), cy: round(y.at(point.y)) }));
  const path = places.map(({ cx, cy }) => `${cx},${cy}`).join(' ');
  const way =
    drawn === 'points' || places.length < 2
      ? ''
      : `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`;
  const dots = drawn === 'line' && places.length > 1 ? [] : places;
  const circles = dots.map(({ cx, cy }) => `<circle cx="${cx}" cy="${cy}" r="3.5" fill="${color}"/>`);
  const labels = places.flatMap(({ cx, cy, label }) =>
    label === undefined ? [] : [text(cx + 6, cy - 7, label, 'start')],
  );
  return [way, ...circles, ...labels].join('');
}

/** Three names in a row, under the title. */
function legendEntry({ name, drawn }: ChartSeries, i: number): string {
  const x = MARGIN.left + (i % 3) * 225;
  const y = MARGIN.top + LEGEND_ROW * Math.floor(i / 3);
  const color = colorOf(i);
  const sample =
    drawn === 'points'
      ? `<circle cx="${x + 9}" cy="${y}" r="3.5" fill="${color}"/>`
      : line(x, y, x + 18, y, `stroke="${color}" stroke-width="2"`);
  return `${sample}${text(x + 24, y + 4, name, 'start')}`;
}

function line(x1: number, y1: number, x2: number, y2: number, style: string): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" ${style}/>`;
}

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(words)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(words: string): string {
  return words.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
