import type { CorpusChunk } from '../corpus/jsonl.ts';
import type { EncoderManifest } from '../encoder/manifest.ts';
import type { ArticleSplit } from './article-split.ts';
import type { PredictorsManifest } from './predictor-manifest.ts';

/** What a build starts from, checked. */
export interface BuildInput {
  readonly chunks: readonly CorpusChunk[];
  readonly encoder: EncoderManifest;
  readonly predictors: PredictorsManifest;
  readonly split: ArticleSplit;
}
