import type { Interval } from '../statistics/proportion.ts';
import { pairedDifference, zFor } from '../statistics/proportion.ts';

/** The runbook's limit on how far a corpus may outgrow the lists that it was clustered into. */
const MOST_GROWTH = 0.1;
/** FAISS's imbalance factor: from here on a search reads twice as much as with equal lists. */
const MOST_IMBALANCE = 2;
/** The runbook's hotspot: a list so many times as long as the mean. */
const MOST_TIMES_MEAN = 10;
const HAIR = 1e-9;

/** The serving index after the merge, on the lists that it had before. */
export interface IvfState {
  /** Rows that the lists were trained on. */
  readonly trainedOn: number;
  readonly rows: number;
  readonly imbalance: number;
  /** The longest list as a multiple of the mean. */
  readonly longestTimesMean: number;
}

export interface Choice {
  readonly yes: boolean;
  readonly reason: string;
}

/** Whether a corpus has outgrown its lists: then they are retrained unconditionally. */
export function hasOutgrown({ trainedOn, rows }: Pick<IvfState, 'trainedOn' | 'rows'>): boolean {
  return rows / trainedOn - 1 > MOST_GROWTH + HAIR;
}

/** Whether to retrain the lists, or to add the rows to the existing ones. */
export function rebuildsIvf({ trainedOn, rows, imbalance, longestTimesMean }: IvfState): Choice {
  const growth = rows / trainedOn - 1;
  const grown = `${rows} rows, ${growth < 0 ? '' : '+'}${(100 * growth).toFixed(1)} % since ${trainedOn} were clustered`;
  const balance = `imbalance ${imbalance.toFixed(2)}, the longest list ${longestTimesMean.toFixed(1)} times the mean`;
  if (hasOutgrown({ trainedOn, rows }))
    return { yes: true, reason: `${grown}: more than ${100 * MOST_GROWTH} %` };
  if (imbalance > MOST_IMBALANCE) return { yes: true, reason: `${balance}: more than ${MOST_IMBALANCE}` };
  if (longestTimesMean > MOST_TIMES_MEAN)
    return { yes: true, reason: `${balance}: more than ${MOST_TIMES_MEAN} times` };
  return { yes: false, reason: `${grown}; ${balance}` };
}

/** Two rerankers on the same queries, of articles that neither was trained on. */
export interface RerankerContest {
  readonly queries: number;
  readonly articles: number;
  readonly before: { readonly rAt5: number; readonly mrr: number };
  readonly after: { readonly rAt5: number; readonly mrr: number };
  /** Queries found at 5 by the old one alone, and by the new one alone. */
  readonly lostAt5: number;
  readonly gainedAt5: number;
}

/**
 * Whether the retrained reranker replaces the old one: a higher R@5 and no lower MRR. A tie keeps the
 * old one, as does a contest without queries: no change without a reason.
 */
export function retrainedWins(contest: RerankerContest): Choice {
  const { queries, articles, before, after, lostAt5, gainedAt5 } = contest;
  if (queries === 0) return { yes: false, reason: 'there are no queries of held-out articles' };
  const { low, high } = gain(contest);
  const says =
    `R@5 ${before.rAt5.toFixed(4)} -> ${after.rAt5.toFixed(4)}, MRR ${before.mrr.toFixed(4)} -> ${after.mrr.toFixed(4)} ` +
    `on ${queries} queries of ${articles} held-out articles (${gainedAt5} gained, ${lostAt5} lost; ` +
    `95 % interval ${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} points)`;
  return { yes: after.rAt5 > before.rAt5 + HAIR && after.mrr >= before.mrr - HAIR, reason: says };
}

function gain({ lostAt5, gainedAt5, queries }: RerankerContest): Interval {
  return pairedDifference(gainedAt5, lostAt5, queries, zFor(0.95, 1));
}
