/** One bar: groups lie one below the other, the bars of a series have one colour. */
export interface Bar {
  readonly group: string;
  readonly series: string;
  readonly value: number;
  /** Beside the bar, with its unit. */
  readonly text: string;
}

const COLORS = ['#1b6ac9', '#d98a2b', '#8a8f98', '#3d9970', '#b5475b', '#7a5ea8'];
const BAR = 16;
const GAP = 14;
const WIDTH = 720;
/** Of a letter, for the room that the groups' names need. */
const LETTER = 6.5;

/** Bars from 0, a group for each name, as an SVG. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const largest = Math.max(...bars.map(({ value }) => value));
  const series = [...new Set(bars.map((bar) => bar.series))];
  const groups = [...new Set(bars.map(({ group }) => group))];
  const left = 16 + LETTER * Math.max(...groups.map((group) => group.length));
  let y = 40 + series.length * 18;
  const drawn: string[] = [];
  for (const group of groups) {
    drawn.push(`<text x="${left - 8}" y="${y + BAR - 5}" text-anchor="end">${group}</text>`);
    for (const bar of bars.filter((other) => other.group === group)) {
      const width = ((WIDTH - left - 90) * bar.value) / largest;
      const color = COLORS[series.indexOf(bar.series)] ?? '#444';
      drawn.push(
        `<rect x="${left}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 3}" fill="${color}"/>`,
        `<text x="${(left + width + 5).toFixed(1)}" y="${y + BAR - 5}">${bar.text}</text>`,
      );
      y += BAR;
    }
    y += GAP;
  }
  const legend = series.map(
    (name, i) =>
      `<rect x="10" y="${34 + i * 18}" width="12" height="12" fill="${COLORS[i] ?? '#444'}"/><text x="28" y="${45 + i * 18}">${name}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="10" y="20" font-size="15">${title}</text>
${[...legend, ...drawn].join('\n')}
</svg>
`;
}
