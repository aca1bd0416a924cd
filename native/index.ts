import { createRequire } from 'node:module';

/** Ids and scores of n queries, row after row: the k best of query i lie at i*k .. i*k+k-1, best first. */
export interface SearchResult {
  /** n*k row ids; -1 where fewer than k rows were found. */
  readonly ids: BigInt64Array<ArrayBuffer>;
  /** n*k inner products (cosines, as all vectors have unit norm), falling; meaningless beside id -1. */
  readonly scores: Float32Array<ArrayBuffer>;
  /** Milliseconds on the pool's thread: without the wait for it and the way back. */
  readonly scanMs: number;
}

/** Instruction sets of the scan, best first. */
export type Kernels = 'avx512-vnni' | 'avx2' | 'portable';

/** What an index holds now. Kept up to date with each change: reading it scans nothing. */
export interface IndexStatistics {
  /** Rows that can be found. */
  readonly rows: number;
  /** Rows added and rows removed since the index was opened. */
  readonly added: number;
  readonly removed: number;
  /** Mean L2 norm of the rows; 0 without rows. */
  readonly meanNorm: number;
  /** Rows in each list; null for a flat index. */
  readonly listSizes: Uint32Array<ArrayBuffer> | null;
  /**
   * nlist * sum of squared list sizes / squared sum: 1 where all lists are equal, 2 where a search reads twice as much;
   * as FAISS's `imbalance_factor`. Null for a flat or empty index.
   */
  readonly imbalance: number | null;
}

/** Where no row is to be found: within `radius` (Euclidean) of one of the centres. */
interface Balls {
  /** Vectors of the index's dimension, one after the other; copied before the search returns. */
  readonly centres: Float32Array;
  readonly radius: number;
}

/**
 * An index whose file is mapped: processes that serve the same file share its pages. Its methods may be called at any
 * time; searches under way see each change whole or not at all. Changes are of this process and are never written.
 */
export interface NativeIndex {
  readonly dimension: number;
  /** Rows of the file, with ids 0 .. ntotal-1. */
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
   * @param asBuilt as if no row had been added or removed
   * @param unlike rows this near to one of these vectors must not be found; a row that a ball leaves out makes room for
   * the next one, however many they are
   * @throws RangeError on a wrong length, k or nprobe; Error if a query is not finite or the index is closed (as rejections)
   */
  search(
    queries: Float32Array,
    k: number,
    nprobe: number,
    exclude?: readonly number[],
    asBuilt?: boolean,
    unlike?: Balls,
  ): Promise<SearchResult>;
  /** The rows' vectors, ids.length*dimension floats. Throws RangeError for an id that never was; a removed one still has its. */
  vectorsOf(ids: ArrayLike<number>): Float32Array<ArrayBuffer>;
  /** The list of each row; 0 for a flat index. Throws as vectorsOf does. */
  listsOf(ids: ArrayLike<number>): Uint32Array<ArrayBuffer>;
  /**
   * Adds a row, which searches find from now on as if it had been in its nearest list all along. Returns its id: the
   * next after all others. Throws RangeError on a wrong length, a number that is not finite, or after 2^20 additions.
   */
  add(vector: Float32Array): number;
  /** Removes a row, which no search finds any more. Returns whether it was there. */
  remove(id: number): boolean;
  statistics(): IndexStatistics;
  /** Writes the 8-bit codes of the file's rows, for `openIndex` to map; syncs it. Throws Error naming the file. */
  writeCodes(file: string): Promise<void>;
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
    /** Empty: they are computed. */
    codes: string,
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
    asBuilt: boolean,
    centres: Float32Array,
    radius: number,
  ): Promise<SearchResult>;
  vectors(handle: Handle, ids: Uint32Array): Float32Array<ArrayBuffer>;
  lists(handle: Handle, ids: Uint32Array): Uint32Array<ArrayBuffer>;
  add(handle: Handle, vector: Float32Array): number;
  remove(handle: Handle, id: number): boolean;
  statistics(handle: Handle): Pick<IndexStatistics, 'added' | 'removed' | 'meanNorm' | 'listSizes'>;
  writeCodes(handle: Handle, file: string): Promise<void>;
  trim(): void;
  close(handle: Handle): void;
}

/** Results of one call (n*k); above it the caller wants something else than a search. 12 bytes each. */
const MAX_RESULTS = 2 ** 26;

const NOWHERE: Balls = { centres: new Float32Array(0), radius: 0 };

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

/** Gives memory that was freed outside V8's heap back to the system, where the allocator keeps it: tens of MB after a start. */
export function trimMemory(): void {
  loadAddon().trim();
}

export interface OpenOptions {
  /** Another instruction set than the best one, for tests and benchmarks. */
  readonly kernels?: Kernels;
  /** A file of `writeCodes` for this index; the codes are computed where absent. */
  readonly codes?: string;
}

/**
 * Maps a FAISS index file (IVF-Flat or flat, inner product; ids 0 .. ntotal-1), off the event loop. The file must not
 * be written to while it is open: replace it by a rename.
 * @throws Error naming the file if it is missing, truncated, damaged, of another kind, or holds a vector that is not
 * finite; if the codes are damaged or another index's; or if the processor does not have those kernels
 */
export async function openIndex(
  file: string,
  { kernels, codes = '' }: OpenOptions = {},
): Promise<NativeIndex> {
  const native = loadAddon();
  const opened = await native.open(file, kernels ?? '', codes);
  const { handle, dimension, ntotal, nlist } = opened;
  return {
    kernels: opened.kernels,
    dimension,
    ntotal,
    nlist,
    kind: nlist === null ? 'flat' : 'ivf-flat',
    metric: 'inner_product',
    // `async` turns what the checks throw into a rejection.
    async search(queries, k, nprobe, exclude = [], asBuilt = false, unlike = NOWHERE) {
      checkSearch(queries, k, nprobe, dimension);
      checkBalls(unlike, dimension);
      if (!exclude.every(Number.isSafeInteger)) throw new RangeError('exclude must hold whole numbers');
      const { centres, radius } = unlike;
      const excluded = BigInt64Array.from(exclude, BigInt);
      return native.search(handle, queries, k, nprobe, excluded, asBuilt, centres, radius);
    },
    vectorsOf: (ids) => native.vectors(handle, Uint32Array.from(ids, checkedId)),
    listsOf: (ids) => native.lists(handle, Uint32Array.from(ids, checkedId)),
    add(vector) {
      if (!(vector instanceof Float32Array)) throw new TypeError('a row must be a Float32Array');
      if (vector.length !== dimension)
        throw new RangeError(`a row must have ${dimension} floats, not ${vector.length}`);
      return native.add(handle, vector);
    },
    remove: (id) => native.remove(handle, checkedId(id)),
    statistics() {
      const counted = native.statistics(handle);
      const rows = ntotal + counted.added - counted.removed;
      return { ...counted, rows, imbalance: imbalanceOf(counted.listSizes, rows) };
    },
    writeCodes: async (to) => native.writeCodes(handle, to),
    close: () => native.close(handle),
  };
}

function imbalanceOf(sizes: Uint32Array | null, rows: number): number | null {
  if (sizes === null || rows === 0) return null;
  return (sizes.length * sizes.reduce((sum, size) => sum + size * size, 0)) / rows ** 2;
}

function checkedId(id: number): number {
  if (Number.isInteger(id) && id >= 0 && id < 2 ** 32) return id;
  throw new RangeError(`a row id must be a whole number, not ${id}`);
}

function checkBalls({ centres, radius }: Balls, dimension: number): void {
  if (!(centres instanceof Float32Array)) throw new TypeError('centres must be a Float32Array');
  if (centres.length % dimension !== 0)
    throw new RangeError(`centres must hold a multiple of ${dimension} floats, not ${centres.length}`);
  if (!(radius >= 0)) throw new RangeError(`radius must be 0 or more, not ${radius}`);
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
