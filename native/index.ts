import { createRequire } from 'node:module';

/** Ids and scores of n queries, row after row: the k best of query i lie at i*k .. i*k+k-1, best first. */
export interface SearchResult {
  /** n*k row ids; -1 where fewer than k rows were found. */
  readonly ids: BigInt64Array<ArrayBuffer>;
  /** n*k inner products (cosines, as all vectors have unit norm), falling; meaningless beside id -1. */
  readonly scores: Float32Array<ArrayBuffer>;
}

/** Instruction sets of the scan, best first. */
export type Kernels = 'avx512-vnni' | 'avx2' | 'portable';

/** An index in memory. Its methods may be called at any time and side by side; they never change it. */
export interface NativeIndex {
  readonly dimension: number;
  readonly ntotal: number;
  /** Number of lists; null for a flat index. */
  readonly nlist: number | null;
  readonly kind: 'ivf-flat' | 'flat';
  readonly metric: 'inner_product';
  /** The instruction set that the scan uses. */
  readonly kernels: Kernels;
  /**
   * The k nearest rows of each query, searched on libuv's pool: exactly those of FAISS at the same nprobe, but where
   * scores differ by less than the rounding of float sums. Equal scores: the lower id first. Many queries in one call
   * share each pass over memory.
   * @param queries n*dimension floats, copied before this returns
   * @param nprobe lists to look into, of this call alone; more than nlist means all; a flat index ignores it
   * @param exclude row ids that must not be found
   * @throws RangeError on a wrong length, k or nprobe; Error if a query is not finite or the index is closed (as rejections)
   */
  search(
    queries: Float32Array,
    k: number,
    nprobe: number,
    exclude?: readonly number[],
  ): Promise<SearchResult>;
  /** Rows fromRow .. fromRow+count-1 as count*dimension floats; zeros for a row id that the index does not hold. */
  reconstruct(fromRow: number, count: number): Float32Array<ArrayBuffer>;
  /** Rows in each list; null for a flat index. */
  listSizes(): Uint32Array<ArrayBuffer> | null;
  /** Frees the memory as soon as searches under way have ended. May be called twice. */
  close(): void;
}

declare const handleBrand: unique symbol;
interface Handle {
  readonly [handleBrand]: true;
}

interface Addon {
  /** Without a name, the best kernels that the processor has. */
  open(
    file: string,
    kernels: Kernels | '',
  ): Promise<{
    handle: Handle;
    dimension: number;
    ntotal: number;
    nlist: number | null;
    kernels: Kernels;
  }>;
  search(
    handle: Handle,
    queries: Float32Array,
    k: number,
    nprobe: number,
    exclude: BigInt64Array,
  ): Promise<SearchResult>;
  reconstruct(handle: Handle, fromRow: number, count: number): Float32Array<ArrayBuffer>;
  listSizes(handle: Handle): Uint32Array<ArrayBuffer> | null;
  close(handle: Handle): void;
}

/** Results of one call (n*k); above it the caller wants something else than a search. 12 bytes each. */
const MAX_RESULTS = 2 ** 26;

let addon: Addon | undefined;

function loadAddon(): Addon {
  if (addon) return addon;
  const file = './build/retriever-index.node';
  try {
    const loaded: Addon = createRequire(import.meta.url)(file);
    addon = loaded;
    return loaded;
  } catch (cause) {
    throw new Error('native/build holds no addon that loads; `bash scripts/setup.sh` builds it', { cause });
  }
}

/**
 * Reads a FAISS index file (IVF-Flat or flat, inner product) into memory, off the event loop.
 * @param kernels another instruction set than the best one, for tests and benchmarks
 * @throws Error naming the file if it is missing, truncated, damaged, of another kind, or holds a vector that is not
 * finite; or if the processor does not have those kernels
 */
export async function openIndex(file: string, kernels: Kernels | '' = ''): Promise<NativeIndex> {
  const native = loadAddon();
  const opened = await native.open(file, kernels);
  const { handle, dimension, ntotal, nlist } = opened;
  return {
    kernels: opened.kernels,
    dimension,
    ntotal,
    nlist,
    kind: nlist === null ? 'flat' : 'ivf-flat',
    metric: 'inner_product',
    // `async` turns what the checks throw into a rejection.
    async search(queries, k, nprobe, exclude = []) {
      checkSearch(queries, k, nprobe, dimension);
      if (!exclude.every(Number.isSafeInteger)) throw new RangeError('exclude must hold whole numbers');
      return native.search(handle, queries, k, nprobe, BigInt64Array.from(exclude, BigInt));
    },
    reconstruct(fromRow, count) {
      checkRows(fromRow, count, ntotal);
      return native.reconstruct(handle, fromRow, count);
    },
    listSizes: () => native.listSizes(handle),
    close: () => native.close(handle),
  };
}

function checkSearch(queries: Float32Array, k: number, nprobe: number, dimension: number): void {
  if (!(queries instanceof Float32Array)) throw new TypeError('queries must be a Float32Array');
  if (queries.length === 0 || queries.length % dimension !== 0) {
    throw new RangeError(`queries must hold a multiple of ${dimension} floats, not ${queries.length}`);
  }
  if (!(Number.isInteger(k) && k > 0)) throw new RangeError(`k must be a positive integer, not ${k}`);
  if (!(Number.isInteger(nprobe) && nprobe > 0 && nprobe < 2 ** 32)) {
    throw new RangeError(`nprobe must be a positive integer, not ${nprobe}`);
  }
  if ((queries.length / dimension) * k > MAX_RESULTS) {
    throw new RangeError(
      `${queries.length / dimension} queries with k = ${k} ask for too many results at once`,
    );
  }
}

function checkRows(fromRow: number, count: number, ntotal: number): void {
  const valid = Number.isInteger(fromRow) && Number.isInteger(count) && fromRow >= 0 && count > 0;
  if (!valid || fromRow + count > ntotal) {
    throw new RangeError(`rows ${fromRow} .. ${fromRow + count - 1} are not within 0 .. ${ntotal - 1}`);
  }
}
