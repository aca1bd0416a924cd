import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { amnOnnx, gruOnnx } from '../../retrieval/build/predictor-graphs.ts';
import { CONTEXT_LENGTH } from '../../retrieval/evaluation/next-chunk.ts';
import type { EncoderManifest } from '../../retrieval/encoder/manifest.ts';
import { sha256Of } from '../../retrieval/release/checksums.ts';

/** Hidden units of the sample's predictors: what they cost in time and memory is as it is in life. */
const AMN_HIDDEN = 64;
const GRU_HIDDEN = 96;

/** Writes predictors that were never trained, mixing the context's vectors alone, for the vectors of this encoder. */
export async function untrainedPredictors(dir: string, encoder: EncoderManifest): Promise<void> {
  const d = encoder.dim;
  const zeros = (...shape: number[]) => ({
    shape,
    data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
  });
  const mix = { shape: [CONTEXT_LENGTH], data: new Float32Array(CONTEXT_LENGTH).fill(1 / CONTEXT_LENGTH) };
  const models = {
    amn_v0: amnOnnx(d, {
      mix,
      w1: zeros(CONTEXT_LENGTH * d, AMN_HIDDEN),
      b1: zeros(AMN_HIDDEN),
      w2: zeros(AMN_HIDDEN, d),
      b2: zeros(d),
    }),
    gru_v0: gruOnnx(d, {
      mix,
      wx: zeros(d, 3 * GRU_HIDDEN),
      wh: zeros(GRU_HIDDEN, 3 * GRU_HIDDEN),
      bx: zeros(3 * GRU_HIDDEN),
      w: zeros(GRU_HIDDEN, d),
      b: zeros(d),
    }),
  };
  await mkdir(dir, { recursive: true });
  const predictors: Record<string, object> = {};
  for (const [name, bytes] of Object.entries(models)) {
    const file = `${name}.onnx`;
    await writeFile(join(dir, file), bytes);
    predictors[name] = { file, sha256: await sha256Of(join(dir, file)), trainingArticles: [] };
  }
  const { name, files } = encoder;
  const manifest = { encoder: { name, sha256: files['model.onnx'] }, dimension: d, predictors };
  await writeFile(join(dir, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}
