import type { EncodeThreads } from './encode-threads.ts';
import { EncoderError } from './errors.ts';
import type { EncoderManifest } from './manifest.ts';
import type { EncodeItem } from './text-encoder.ts';

const PROBE = 'This is a test document.';
/** A neighbour that is longer, so that the probe is padded beside it, and of other words. */
const NEIGHBOUR = 'Lighthouse keepers of 1850 wrote down 27 ships, in ink! '.repeat(3);

/** The search takes inner products for cosines: what is further from norm 1 is another vector. */
const NORM_TOLERANCE = 1e-3;
/** Rounding of float32 gives 1e-7 to 1e-6; dynamic quantisation 1e-2. */
const BATCH_TOLERANCE = 1e-5;

/**
 * Runs the model for its manifest's golden text and, where it allows batches, once more beside another text.
 * @throws EncoderError naming what differs from the manifest
 */
export async function checkEncoder(
  folder: string,
  manifest: EncoderManifest,
  threads: EncodeThreads,
): Promise<void> {
  const probe: EncodeItem = { text: manifest.golden?.text ?? PROBE, role: 'passage' };
  const [alone = new Float32Array()] = await threads.run([probe]);
  refuseWrongNorm(folder, alone);
  refuseOtherThanGolden(folder, manifest, alone);
  if (manifest.batching !== true) return;
  const [beside = new Float32Array()] = await threads.run([probe, { text: NEIGHBOUR, role: 'passage' }]);
  const change = Math.max(...alone.map((value, i) => Math.abs(value - (beside[i] ?? NaN))));
  if (!(change <= BATCH_TOLERANCE))
    throw new EncoderError(
      `${folder}: batching must be false: a text's vector changes by ${change.toPrecision(2)} beside another text, ` +
        'as it does with dynamic quantisation',
    );
}

function refuseWrongNorm(folder: string, vector: Float32Array): void {
  const norm = Math.hypot(...vector);
  if (!(Math.abs(norm - 1) <= NORM_TOLERANCE))
    throw new EncoderError(
      `${folder}: the model's vectors have norm ${norm.toPrecision(4)}, not 1; normalize may have to be true`,
    );
}

function refuseOtherThanGolden(
  folder: string,
  { golden }: EncoderManifest,
  vector: Float32Array<ArrayBuffer>,
): void {
  if (!golden) return;
  const { values, tolerance } = golden;
  const wrong = values.findIndex((value, i) => !(Math.abs(value - (vector[i] ?? NaN)) <= tolerance));
  if (wrong === -1) return;
  const found = [...vector.subarray(0, values.length)].map((value) => value.toFixed(4));
  throw new EncoderError(
    `${folder}: the vector of the golden text begins [${found.join(', ')}], its manifest.json says ` +
      `[${values.join(', ')}] within ${tolerance}`,
  );
}
