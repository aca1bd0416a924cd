import type { Explanation } from '../domain/control/http.ts';
import { FEATURES } from './reranker/features.ts';

/** Results that are explained; nobody reads on. */
export const EXPLAINED = 5;

export interface Ranking {
  /** n*4 floats as rerankFeatures gives them. */
  readonly features: Float32Array;
  /** The reranker's, for each candidate; null where it did not run. */
  readonly scores: Float32Array | null;
  /** Whether there was a context: without one its feature says nothing. */
  readonly hasContext: boolean;
}

/** What a person who looks into a bad answer wants to see of it. */
export interface AnswerExplanation {
  /** Of all candidates by cosine, before reranking. */
  readonly cosines: readonly number[];
  /** The best one's cosine minus each. */
  readonly margins: readonly number[];
  /** How many of the results come from how few articles. */
  readonly articles: {
    readonly results: number;
    readonly distinct: number;
    /** Results of the article that has most of them, and of the first result's. */
    readonly most: number;
    readonly ofFirst: number;
  };
  /** The first five as they were answered, with the reranker's features. */
  readonly top: readonly (Explanation & { readonly id: string; readonly article: string })[];
}

interface Answered {
  readonly cosines: Float32Array;
  /** Places by cosine of the results, as they were answered. */
  readonly order: readonly number[];
  readonly ranking: Ranking;
  readonly chunk: (place: number) => { readonly id: string; readonly article: string };
}

/** Explains a whole answer; cosines and margins to four digits, as nobody reads more. */
export function explainAnswer({ cosines, order, ranking, chunk }: Answered): AnswerExplanation {
  const best = cosines[0] ?? 0;
  const articles = order.map((place) => chunk(place).article);
  const ofArticle = (article: string | undefined) => articles.filter((other) => other === article).length;
  return {
    cosines: Array.from(cosines, rounded),
    margins: Array.from(cosines, (cosine) => rounded(best - cosine)),
    articles: {
      results: order.length,
      distinct: new Set(articles).size,
      most: Math.max(0, ...articles.map(ofArticle)),
      ofFirst: ofArticle(articles[0]),
    },
    top: order.slice(0, EXPLAINED).map((place) => {
      const { id, article } = chunk(place);
      return { id, article, ...explainResult(ranking, place) };
    }),
  };
}

function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}

/** Why candidate `i` (its place by cosine, from 0) is where it is. */
export function explainResult({ features, scores, hasContext }: Ranking, i: number): Explanation {
  const [cosine = 0, margin = 0, local = 0, diversity = 0] = features.subarray(i * FEATURES);
  return {
    cosine,
    margin,
    articleContext: hasContext ? local : null,
    diversity,
    rerankScore: scores?.[i] ?? null,
    rankBefore: i + 1,
  };
}
