import type { Flags } from '../../../domain/control/state.ts';

/** What the candidate's flags do: fewer lists are searched faster and find less; the fallback predictor and no reranker find less. */
export function flagEffects({ impl, reranker, nprobe }: Flags): {
  readonly slower: number;
  readonly misses: number;
  readonly rAt5: number;
} {
  const halvings = Math.log2(8 / nprobe);
  const fallback = impl === 'gru_v0';
  return {
    slower: 0.8 ** halvings * (fallback ? 1.1 : 1),
    misses: Math.max(0, 0.008 * halvings) + (fallback ? 0.03 : 0),
    rAt5: Math.max(0, 0.005 * halvings) + (fallback ? 0.04 : 0) + (reranker === 'off' ? 0.03 : 0),
  };
}
