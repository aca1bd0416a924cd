import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../../retrieval/encoder/safetensors.ts';
import { withHeader } from '../../fixtures/tiny-encoder.ts';

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'safetensors-'));
  file = join(folder, 'a.safetensors');
});
afterAll(() => rm(folder, { recursive: true }));

const tensor = (dtype: string, shape: number[], data_offsets: number[]) =>
  JSON.stringify({ a: { dtype, shape, data_offsets } });

describe('a safetensors file', () => {
  it('is read as float32, half precision widened, whatever its alignment and metadata', async () => {
    const header = {
      __metadata__: { format: 'pt' },
      half: { dtype: 'F16', shape: [7], data_offsets: [0, 14] },
      full: { dtype: 'F32', shape: [1, 2], data_offsets: [14, 22] },
    };
    // 1, -2, 65504 (the largest), 2^-24 (the smallest), 1/3, 0, infinity
    const half = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x3555, 0x0000, 0x7c00);
    const values = Buffer.concat([
      new Uint8Array(half.buffer),
      new Uint8Array(Float32Array.of(0.1, -7).buffer),
    ]);
    await writeFile(file, withHeader(JSON.stringify(header), values));
    const tensors = await readSafetensors(file);
    expect([...tensors.keys()]).toEqual(['half', 'full']);
    expect([...(tensors.get('half')?.data ?? [])]).toEqual([
      1,
      -2,
      65504,
      2 ** -24,
      0.333251953125,
      0,
      Infinity,
    ]);
    expect(tensors.get('full')).toEqual({ shape: [1, 2], data: Float32Array.of(0.1, -7) });
  });

  it.each<[string, string, RegExp]>([
    ['of another type', tensor('BF16', [2], [0, 4]), /tensor a is BF16; F32 and F16 can be read/],
    ['that is cut off', tensor('F32', [2], [4, 12]), /tensor a lies at 4\.\.12 of 8 bytes/],
    ['that ends before it begins', tensor('F32', [2], [8, 0]), /tensor a lies at 8\.\.0/],
    ['of another size than its shape', tensor('F32', [3], [0, 8]), /has 8 bytes, its shape \[3\] wants 12/],
  ])('is refused by its name with a tensor %s', async (_name, header, message) => {
    await writeFile(file, withHeader(header, new Uint8Array(8)));
    await expect(readSafetensors(file)).rejects.toThrow(message);
    await expect(readSafetensors(file)).rejects.toThrow(file);
  });
});
