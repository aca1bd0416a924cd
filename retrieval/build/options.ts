import type { Flags } from '../../domain/control/state.ts';
import type { Recipe } from '../release/manifest.ts';
import type { ArticleSplit } from './article-split.ts';

/** Parts of a release that were made before it, by the steps of the weekly maintenance. */
interface PreparedParts {
  readonly split: ArticleSplit;
  /** .npy with a row for each chunk of the corpus. */
  readonly vectors: string;
  /** Folder with p_flat_ip.faiss and p_ivf.faiss of those rows. */
  readonly indexes: string;
  /** Rows that the lists of p_ivf.faiss were trained on. */
  readonly ivfTrainedOn: number;
  readonly reranker: { readonly file: string; readonly trainingArticles: readonly string[] };
}

export interface BuildOptions {
  /** JSONL, one chunk a line. */
  readonly corpus: string;
  readonly version: string;
  /** Folder with amn_v0.onnx, gru_v0.onnx and manifest.json. */
  readonly predictorsDir: string;
  /** Folder with the encoder's model.onnx, tokenizer.json and manifest.json. */
  readonly encoderDir: string;
  readonly seed: number;
  readonly recipe: Recipe;
  /** The command that makes the release, for its manifest. */
  readonly createdBy: string;
  /** Flags the release is served under where nobody sets others. */
  readonly flags: Flags;
  /** The release becomes `<releasesDir>/<version>`. */
  readonly releasesDir: string;
  /** Where vectors are cached by content. */
  readonly cacheDir: string;
  readonly threads: number;
  /** Bytes of the ingest log that the corpus holds already; 0 where absent. */
  readonly ingestOffset?: number;
  /** Family of the models, where it is not the one that the runbook's limits were set for. */
  readonly backbone?: string | undefined;
  /** Made here where absent. */
  readonly prepared?: PreparedParts;
  /** What is under way; `done` and `total` where it is countable. */
  readonly onProgress?: (step: string, done?: number, total?: number) => void;
}
