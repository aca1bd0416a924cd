import { median } from './quantiles.ts';

/** Far larger than any cache. */
const BYTES = 192 * 1024 * 1024;
const ROUNDS = 5;

/** What one core reads from memory, in GB/s: the median of comparing two equal buffers (libc's memcmp). */
export function readBandwidth(): number {
  const [one, other] = [Buffer.alloc(BYTES, 1), Buffer.alloc(BYTES, 1)];
  const rates = Array.from({ length: ROUNDS }, () => {
    const began = performance.now();
    if (Buffer.compare(one, other) !== 0) throw new Error('two equal buffers differ');
    return (2 * BYTES) / 1e6 / (performance.now() - began);
  });
  return median(rates);
}
