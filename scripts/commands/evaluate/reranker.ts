import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { compareHits } from '../../../retrieval/evaluation/compare-hits.ts';
import { loadHits } from '../../../retrieval/evaluation/set.ts';
import { existing, refused } from '../../cli/options.ts';
import { command } from '../../cli/command.ts';

const METRICS = ['R_at_1', 'R_at_5', 'R_at_10', 'MRR'] as const;

export const reranker = command({
  example:
    '--hits artifacts/releases/retriever_v0/hits_plain.jsonl --reranked artifacts/releases/retriever_v0/hits_reranked.jsonl',
  options: {
    hits: {
      value: 'FILE',
      help: 'hits before reranking: JSONL {query_id, gold_id, top_k}',
      schema: existing,
    },
    reranked: { value: 'FILE', help: 'hits of the same queries after it', schema: existing },
    least: {
      value: 'POINTS',
      help: 'least lift of R@5 in points',
      schema: z
        .string()
        .regex(/^-?\d+(\.\d+)?$/, refused('must be a number'))
        .transform(Number)
        .default(3),
    },
  },
  async run({ hits, reranked, least }) {
    const read = (file: string) => loadHits(dirname(file), basename(file));
    const compared = compareHits(await read(hits), await read(reranked));
    const { before, after, lift } = compared;
    const points = (share: number) => (100 * share).toFixed(1);
    return {
      // A hair below the limit in binary is still on it.
      passed: 100 * lift.value >= least - 1e-7,
      lines: [
        ...METRICS.map((name) => `${name.padEnd(8)} ${before[name].toFixed(4)} -> ${after[name].toFixed(4)}`),
        `R@5 rises by ${points(lift.value)} points (95 %: ${points(lift.interval.low)} to ${points(lift.interval.high)}) over ${before.queries} queries, at least ${least} are needed`,
      ],
      result: { ...compared, leastPoints: least },
    };
  },
});
