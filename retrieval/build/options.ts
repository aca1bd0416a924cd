import type { Flags } from '../../domain/control.ts';
import type { Recipe } from '../release/manifest.ts';

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
  /** What is under way; `done` and `total` where it is countable. */
  readonly onProgress?: (step: string, done?: number, total?: number) => void;
}
