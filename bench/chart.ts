import type { Row } from './search.ts';

const COLORS = ['#1b6ac9', '#d98a2b', '#8a8f98'];
const BAR = 16;
const GAP = 14;
const LEFT = 90;
const WIDTH = 640;

/** Bars of the medians in ms, a group for each measurement, as an SVG. */
export function barChart(title: string, rows: readonly Row[]): string {
  const largest = Math.max(...rows.map(({ p50 }) => p50));
  const engines = [...new Set(rows.map(({ engine }) => engine))];
  const groups = [...new Set(rows.map(({ what }) => what))];
  const top = 40 + engines.length * 18;
  const groupHeight = engines.length * BAR + GAP;
  const bars = rows.map(({ what, engine, p50 }) => {
    const y = top + groups.indexOf(what) * groupHeight + engines.indexOf(engine) * BAR;
    const width = ((WIDTH - LEFT - 70) * p50) / largest;
    return [
      `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 3}" fill="${COLORS[engines.indexOf(engine)] ?? '#444'}"/>`,
      `<text x="${(LEFT + width + 5).toFixed(1)}" y="${y + BAR - 5}">${p50.toFixed(3)} ms</text>`,
    ].join('');
  });
  const names = groups.map(
    (what, i) => `<text x="${LEFT - 8}" y="${top + i * groupHeight + BAR}" text-anchor="end">${what}</text>`,
  );
  const legend = engines.map(
    (engine, i) =>
      `<rect x="10" y="${34 + i * 18}" width="12" height="12" fill="${COLORS[i] ?? '#444'}"/><text x="28" y="${45 + i * 18}">${engine}</text>`,
  );
  const height = top + groups.length * groupHeight + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="10" y="20" font-size="15">${title}</text>
${[...legend, ...names, ...bars].join('\n')}
</svg>
`;
}
