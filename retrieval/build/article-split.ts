import { createHash } from 'node:crypto';

/** Who may see an article: the predictors' training, the reranker's training, or the evaluation alone. */
export interface ArticleSplit {
  readonly predictor: readonly string[];
  readonly reranker: readonly string[];
  readonly evaluation: readonly string[];
}

/** The rest is for the evaluation. */
const PREDICTOR_SHARE = 0.55;
const RERANKER_SHARE = 0.2;

/**
 * Splits articles three ways, whole articles only: chunks of one article are each other's nearest neighbours, so a
 * split by chunk would show every model its test. The order is that of a hash, so it depends on nothing but names and seed.
 * @throws Error for fewer than three articles, as no part may be empty
 */
export function splitArticles(articles: Iterable<string>, seed: number): ArticleSplit {
  const names = [...new Set(articles)];
  if (names.length < 3)
    throw new Error(
      `${names.length} articles with six chunks or more; three are the least that can be split`,
    );
  const ordered = names
    .map((name) => ({ name, key: hashKey(name, seed) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ name }) => name);
  const first = Math.max(1, Math.round(PREDICTOR_SHARE * names.length));
  const second = first + Math.max(1, Math.round(RERANKER_SHARE * names.length));
  const end = Math.min(second, names.length - 1);
  return {
    predictor: ordered.slice(0, Math.min(first, end - 1)).toSorted(),
    reranker: ordered.slice(Math.min(first, end - 1), end).toSorted(),
    evaluation: ordered.slice(end).toSorted(),
  };
}

/** What a release of before knew. */
export interface KnownArticles {
  /** Every article with queries; who is in neither list below is the predictor's. */
  readonly all: Iterable<string>;
  readonly reranker: readonly string[];
  readonly evaluation: readonly string[];
  /** Articles that a predictor was trained on, wherever they came from. */
  readonly trained: Iterable<string>;
}

/**
 * The split of a corpus that grew. Articles keep their part, so that no model is evaluated on its training data; new ones
 * go to the reranker or the evaluation, by their hash and in the same shares: the predictors are not retrained.
 * @throws Error where a part has no article left
 */
export function extendSplit(articles: Iterable<string>, known: KnownArticles, seed: number): ArticleSplit {
  const [all, reranker, evaluation] = [known.all, known.reranker, known.evaluation].map((of) => new Set(of));
  const trained = new Set(known.trained);
  const share = RERANKER_SHARE / (1 - PREDICTOR_SHARE);
  const partOf = (name: string): keyof ArticleSplit => {
    if (reranker?.has(name) === true) return 'reranker';
    if (evaluation?.has(name) === true) return 'evaluation';
    if (trained.has(name) || all?.has(name) === true) return 'predictor';
    return Number.parseInt(hashKey(name, seed).slice(0, 8), 16) / 2 ** 32 < share ? 'reranker' : 'evaluation';
  };
  const names = [...new Set(articles)].toSorted();
  const part = (which: keyof ArticleSplit) => names.filter((name) => partOf(name) === which);
  const split = { predictor: part('predictor'), reranker: part('reranker'), evaluation: part('evaluation') };
  for (const which of ['reranker', 'evaluation'] as const)
    if (split[which].length === 0) throw new Error(`no article is left for the ${which}`);
  return split;
}

function hashKey(name: string, seed: number): string {
  return createHash('sha256').update(`${seed}\u0000${name}`).digest('hex');
}

/**
 * @throws Error naming predictor and articles if a predictor was trained on what must be new to it: its results
 *   there would be better than users will see
 */
export function refuseOverlap(
  predictor: string,
  trainingArticles: readonly string[],
  split: ArticleSplit,
): void {
  const seen = new Set(trainingArticles);
  for (const part of ['evaluation', 'reranker'] as const) {
    const both = split[part].filter((article) => seen.has(article));
    if (both.length > 0)
      throw new Error(
        `${predictor} was trained on ${both.length} articles that are for the ${part}: ${both.slice(0, 5).join(', ')}; ` +
          'use the seed and the corpus of its training, or another predictor',
      );
  }
}
