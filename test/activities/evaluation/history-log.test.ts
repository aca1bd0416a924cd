import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appendHistory, historyFile, readHistory } from '../../../activities/evaluation/history-log.ts';
import { writeTrend } from '../../../activities/evaluation/trend-chart.ts';
import type { HistoryEntry } from '../../../domain/evaluation/history.ts';
import { historyKey } from '../../../domain/evaluation/history.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'history-'));
});
afterEach(() => rm(folder, { recursive: true }));

function entry(day: number, changed: Partial<HistoryEntry> = {}): HistoryEntry {
  const named = { kind: 'nightly', date: `202611${String(day).padStart(2, '0')}`, release: 'v1' } as const;
  return {
    ...named,
    key: historyKey(named),
    atMs: Date.UTC(2026, 10, day, 2),
    queries: 100,
    articles: 10,
    ntotal: 1_000,
    R_at_5: 0.8 + day / 1_000,
    MRR: 0.5,
    Contain_at_50: 0.9,
    plain_R_at_5: 0.75,
    reranked_R_at_5: 0.8,
    ...changed,
  };
}

describe('history.jsonl', () => {
  it('[W3] has a line for each key, however often it is appended', async () => {
    expect(await appendHistory(folder, entry(1))).toBe(true);
    expect(await appendHistory(folder, entry(1, { R_at_5: 0.1 }))).toBe(false);
    expect(await appendHistory(folder, entry(2))).toBe(true);
    expect(await readHistory(folder)).toEqual([entry(1), entry(2)]);
    expect((await readFile(historyFile(folder), 'utf8')).split('\n')).toHaveLength(3);
  });

  it('[W3] loses no line to one that a crash cut off', async () => {
    await appendHistory(folder, entry(1));
    await appendFile(historyFile(folder), JSON.stringify(entry(2)).slice(0, 40));
    await appendHistory(folder, entry(3));
    expect(await readHistory(folder)).toEqual([entry(1), entry(3)]);
    // The cut line's own evaluation comes again, as its activity did not end.
    expect(await appendHistory(folder, entry(2))).toBe(true);
  });

  it('passes over what is no evaluation, such as what a person appended', async () => {
    await mkdir(dirname(historyFile(folder)), { recursive: true });
    await writeFile(historyFile(folder), '{"R_at_5":0.8}\n\nnot json\n');
    expect(await readHistory(folder)).toEqual([]);
    await appendHistory(folder, entry(1));
    expect(await readHistory(folder)).toEqual([entry(1)]);
  });
});

it('[M12] the trend is drawn from what there is, nothing included', async () => {
  const empty = await readFile(await writeTrend(folder, []), 'utf8');
  expect(empty).toContain('no data yet');
  const days = Array.from({ length: 30 }, (_, i) => entry(i + 1));
  const svg = await readFile(await writeTrend(folder, days), 'utf8');
  expect(svg).toContain('R@5, 7-day mean');
  expect(svg).toContain('>11-01</text>');
  expect(svg.match(/<circle/g)?.length).toBeGreaterThanOrEqual(90);
});
