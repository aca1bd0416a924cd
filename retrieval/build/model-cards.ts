import type { RankingMetrics } from '../../domain/evaluation/ranking-metrics.ts';

export interface CardNumbers {
  readonly release: string;
  readonly encoder: string;
  readonly dimension: number;
  readonly trainingArticles: number;
  readonly evaluationArticles: number;
  readonly nprobe: number;
  /** Rows of the index that stand for no text. */
  readonly syntheticRows: number;
  readonly plain: RankingMetrics;
  readonly reranked: RankingMetrics;
  readonly lastChunk: RankingMetrics;
  readonly mean: RankingMetrics;
}

const MODELS = {
  amn_v0: {
    title: 'AMN_v0',
    how: 'A learned mix of the five context vectors, plus a network of one hidden layer over all five; the sum is normalised.',
  },
  gru_v0: {
    title: 'GRU_v0',
    how: 'A learned mix of the five context vectors, plus a projection of the last state of a GRU over them; the sum is normalised.',
  },
} as const;

/** A predictor's model card, markdown: what it is, what it has seen, and what was measured in this release. */
export function modelCard(impl: keyof typeof MODELS, numbers: CardNumbers): string {
  const { title, how } = MODELS[impl];
  const rows = [
    row(title, numbers.plain),
    row(`${title}, reranked`, numbers.reranked),
    row('last chunk of the context', numbers.lastChunk),
    row('mean of the context', numbers.mean),
  ];
  return `# ${title}

Predicts the vector of an article's next chunk from the vectors of the five chunks before it.
${how}

- Release: ${numbers.release}
- Encoder: ${numbers.encoder}, ${numbers.dimension} dimensions
- Trained on ${numbers.trainingArticles} articles; manifest.json lists them
${numbers.syntheticRows === 0 ? '' : `- The index holds ${numbers.syntheticRows} synthetic rows: noise around the vectors of real chunks (cosine 0.3), which rank behind them and make searches slow\n`}- Evaluated on ${numbers.plain.queries} queries of ${numbers.evaluationArticles} other articles, IVF index at nprobe ${numbers.nprobe}, context left out of the results

| query vector | R@1 | R@5 | R@10 | MRR | Contain@50 |
|---|---|---|---|---|---|
${rows.join('\n')}

The last chunk alone is a strong query for this task: a predictor is worth its cost where it beats that row, not the mean.
`;
}

function row(name: string, { R_at_1, R_at_5, R_at_10, MRR, Contain_at_50 }: RankingMetrics): string {
  const cells = [R_at_1, R_at_5, R_at_10, MRR, Contain_at_50].map((share) => share.toFixed(3));
  return `| ${name} | ${cells.join(' | ')} |`;
}
