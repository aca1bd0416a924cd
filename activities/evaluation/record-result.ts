import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { CleanQuality } from '../../domain/evaluation/drift.ts';
import type { JoinedEvaluation } from '../../domain/contracts/evaluation-activities.ts';
import type { HistoryEntry } from '../../domain/evaluation/history.ts';
import { historyKey } from '../../domain/evaluation/history.ts';
import { measured } from '../../domain/core/metric-value.ts';
import { appendHistory, readHistory } from './history-log.ts';
import { writeTrend } from './trend-chart.ts';

const section = z.object({ R_at_5: z.number() });

/** What is read back of a clean evaluation's file. */
const resultFile = z.object({
  /** Which evaluation wrote it. */
  key: z.string(),
  queries: z.int().positive(),
  articles: z.int().positive(),
  ntotal: z.int().positive(),
  R_at_5: z.number(),
  MRR: z.number(),
  Contain_at_50: z.number(),
  plain: section,
  reranked: section,
  gone: z.array(z.string()),
});
export type ResultFile = z.infer<typeof resultFile>;

/** Days of history that a workflow gets: more would fill its own history. */
const RECENT_DAYS = 14;
const DAY_MS = 86_400_000;

/** The result of this very evaluation; null where there is none yet, or another one's. */
export async function readResult(file: string, key: string): Promise<ResultFile | null> {
  try {
    const result = resultFile.parse(JSON.parse(await readFile(file, 'utf8')));
    return result.key === key ? result : null;
  } catch {
    return null;
  }
}

/** Appends an evaluation to the history, once, and redraws the trend. */
export async function recordEvaluation(
  artifactsDir: string,
  result: ResultFile,
  named: Pick<HistoryEntry, 'release' | 'kind' | 'date' | 'atMs'>,
): Promise<Pick<JoinedEvaluation, 'entry' | 'history' | 'trendFile' | 'gone'>> {
  const { queries, articles, ntotal, R_at_5, MRR, Contain_at_50, plain, reranked } = result;
  const entry = {
    key: historyKey(named),
    ...named,
    queries,
    articles,
    ntotal,
    R_at_5,
    MRR,
    Contain_at_50,
    plain_R_at_5: plain.R_at_5,
    reranked_R_at_5: reranked.R_at_5,
  };
  await appendHistory(artifactsDir, entry);
  const history = await readHistory(artifactsDir);
  const trendFile = await writeTrend(artifactsDir, history);
  const recent = history.filter(({ atMs }) => atMs > named.atMs - RECENT_DAYS * DAY_MS);
  return { entry, history: recent, trendFile, gone: result.gone.length };
}

/** What the rules on drift judge. */
export function qualityOf(
  result: ResultFile,
  of: Pick<CleanQuality, 'release' | 'atMs' | 'expectedRAt5'>,
): CleanQuality {
  return {
    ...of,
    rAt5: measured(result.R_at_5, result.queries, 'R@5'),
    mrr: measured(result.MRR, result.queries, 'MRR'),
    containAt50: measured(result.Contain_at_50, result.queries, 'Contain@50'),
  };
}
