import { join } from 'node:path';
import { EncoderError } from './errors.ts';
import type { EncoderManifest } from './manifest.ts';
import { readSafetensors } from './safetensors.ts';

/** A layer after pooling: `dim` floats in, `dim` floats out. */
export type Projection = (vector: Float32Array<ArrayBuffer>) => Float32Array<ArrayBuffer>;

/** The one tensor of sentence-transformers' Dense module without a bias. */
const WEIGHT = 'linear.weight';

/**
 * The dense layer that the manifest names, y = W x; where it names none, what leaves a vector as it is.
 * @throws EncoderError if the file is not exactly a dim x dim weight: a bias or another shape is another layer
 */
export async function readProjection(
  folder: string,
  { dense, dim }: Pick<EncoderManifest, 'dense' | 'dim'>,
): Promise<Projection> {
  if (dense === undefined) return (vector) => vector;
  const file = join(folder, dense);
  const tensors = await readSafetensors(file);
  const weight = tensors.get(WEIGHT);
  if (!weight || tensors.size > 1)
    throw new EncoderError(`${file} holds ${[...tensors.keys()].join(', ')}, not ${WEIGHT} alone`);
  if (weight.shape.join() !== [dim, dim].join())
    throw new EncoderError(`${file}: ${WEIGHT} has the shape [${weight.shape.join()}], not [${dim},${dim}]`);
  return (vector) => multiplied(weight.data, vector);
}

function multiplied(matrix: Float32Array, vector: Float32Array): Float32Array<ArrayBuffer> {
  const dim = vector.length;
  const result = new Float32Array(dim);
  for (let row = 0; row < dim; row++) {
    let sum = 0;
    for (let i = 0; i < dim; i++) sum += (matrix[row * dim + i] ?? 0) * (vector[i] ?? 0);
    result[row] = sum;
  }
  return result;
}
