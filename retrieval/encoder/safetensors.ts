import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { EncoderError } from './errors.ts';

export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

const tensorSchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const headerSchema = z.record(z.string(), z.unknown());

/**
 * The tensors of a safetensors file, by name; F32 as they are, F16 widened. The format: the header's length in 8
 * bytes, little-endian; the header as JSON; the values.
 * @throws EncoderError naming the file, the tensor and what is wrong with it
 */
export async function readSafetensors(file: string): Promise<Map<string, StoredTensor>> {
  const bytes = await readFile(file);
  const fail = (reason: string, cause?: unknown) => new EncoderError(`${file}: ${reason}`, { cause });
  if (bytes.length < 8) throw fail(`${bytes.length} bytes are no safetensors file`);
  const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
  if (headerEnd > bytes.length) throw fail('the header is longer than the file');
  let header: Record<string, unknown>;
  try {
    header = headerSchema.parse(JSON.parse(bytes.toString('utf8', 8, headerEnd)));
  } catch (cause) {
    throw fail('the header is not JSON with tensors by name', cause);
  }
  const values = bytes.subarray(headerEnd);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, described] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const parsed = tensorSchema.safeParse(described);
    if (!parsed.success) throw fail(`tensor ${name} is not described by dtype, shape and data_offsets`);
    const problem = problemOf(parsed.data, values.length);
    if (problem !== null) throw fail(`tensor ${name} ${problem}`);
    tensors.set(name, { shape: parsed.data.shape, data: floatsOf(parsed.data, values) });
  }
  return tensors;
}

type Described = z.infer<typeof tensorSchema>;
const BYTES: Readonly<Record<string, number>> = { F32: 4, F16: 2 };

function problemOf({ dtype, shape, data_offsets: [begin, end] }: Described, length: number): string | null {
  const width = BYTES[dtype];
  if (width === undefined) return `is ${dtype}; F32 and F16 can be read`;
  if (end > length || begin > end) return `lies at ${begin}..${end} of ${length} bytes of values`;
  const wanted = shape.reduce((product, size) => product * size, width);
  return end - begin === wanted
    ? null
    : `has ${end - begin} bytes, its shape [${shape.join()}] wants ${wanted}`;
}

function floatsOf(
  { dtype, data_offsets: [begin, end] }: Described,
  values: Buffer,
): Float32Array<ArrayBuffer> {
  // Copied: a float array has to begin at a multiple of its width, which a tensor in a file need not.
  const own = new Uint8Array(values.subarray(begin, end)).buffer;
  return dtype === 'F32' ? new Float32Array(own) : Float32Array.from(new Uint16Array(own), fromHalf);
}

/** IEEE 754 binary16: a sign bit, 5 bits of exponent, 10 of fraction. */
function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
