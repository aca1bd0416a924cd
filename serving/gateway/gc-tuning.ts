import { setFlagsFromString } from 'node:v8';

/**
 * Lets the heap grow to five times what survived before it is marked as a whole. Bodies that pass through count as
 * memory outside the heap, and V8's own limit for a heap this small is reached after some 8 MB of them: at 150
 * requests a second a full collection of 5 ms every 1.4 s, at 1,500 several each second (docs/performance.md).
 * The size of the young generation can only be set when Node starts: `--max-semi-space-size=32`, as our commands do.
 */
export function collectRarely(): void {
  setFlagsFromString('--heap-growing-percent=400');
}
