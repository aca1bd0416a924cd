import { readJson } from '../../platform/json-file.ts';
import { z } from 'zod';
import type { JoinedEvaluation } from '../../domain/contracts/evaluation-activities.ts';
import type { HistoryEntry } from '../../domain/evaluation/history.ts';
import { historyKey } from '../../domain/evaluation/history.ts';
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

/** The result of this very evaluation; null where there is none yet, or another one's. */
export async function readResult(file: string, key: string): Promise<ResultFile | null> {
  try {
    const result = resultFile.parse(await readJson(file));
    return result.key === key ? result : null;
  } catch {
    return null;
  }
}

/** Appends an evaluation to the history, once, and redraws the trend. */
export async function recordEvaluation(
  artifactsDir: string,
  result: ResultFile,
  named: Pick<HistoryEntry, 'release' | 'kind' | 'date' | 'atMs' | 'expected_R_at_5'>,
): Promise<Pick<JoinedEvaluation, 'entry' | 'trendFile' | 'gone'>> {
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
  const trendFile = await writeTrend(artifactsDir, await readHistory(artifactsDir));
  return { entry, trendFile, gone: result.gone.length };
}
