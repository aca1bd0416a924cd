import { describe, expect, it } from 'vitest';
import { formatNpy, parseNpy } from '../../../retrieval/release/npy.ts';

const DATA = Float32Array.from([1, -2.5, 0, 3e-8, 5, 6]);

describe('a .npy file', () => {
  it.each([[[6]], [[2, 3]], [[1, 3, 2]]])('of shape %j comes back as it was written', (shape) => {
    expect(parseNpy(formatNpy({ shape, data: DATA }))).toEqual({ shape, data: DATA });
  });

  it('in Fortran order comes back in C order', () => {
    const columns = Float32Array.from([1, 0, 5, -2.5, 3e-8, 6]);
    const bytes = replaced(formatNpy({ shape: [2, 3], data: columns }), 'False', 'True ');
    expect(parseNpy(bytes)).toEqual({ shape: [2, 3], data: Float32Array.from([1, 5, 3e-8, 0, -2.5, 6]) });
  });

  it.each<[string, (bytes: Buffer) => Buffer, RegExp]>([
    ['cut short', (bytes) => bytes.subarray(0, -4), /holds 5 floats, its shape \(2, 3\) says 6/],
    ['of something else', () => Buffer.from('{"no": "array"}'), /is not a \.npy/],
    ['of doubles', (bytes) => replaced(bytes, '<f4', '<f8'), /does not hold little-endian float32/],
  ])('%s is refused', (_, damage, message) => {
    expect(() => parseNpy(damage(formatNpy({ shape: [2, 3], data: DATA })))).toThrow(message);
  });
});

function replaced(bytes: Buffer, from: string, to: string): Buffer {
  return Buffer.from(bytes.toString('latin1').replace(from, to), 'latin1');
}
