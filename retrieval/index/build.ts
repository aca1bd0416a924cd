import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { tmpdir } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { formatNpy } from '../release/npy.ts';

export interface IndexBuild {
  readonly dimension: number;
  /** n*dimension floats; row i becomes id i in both indexes. */
  readonly vectors: Float32Array<ArrayBuffer>;
  readonly nlist: number;
  /** Written into the IVF file, as what a reader that sets nothing looks into. */
  readonly nprobe: number;
}

/** Lists of an IVF index over n rows: about √n, and at least 39 rows a list, below which FAISS' k-means complains. */
export function listCount(n: number): number {
  return Math.max(1, Math.min(Math.round(Math.sqrt(n)), Math.floor(n / 39)));
}

/**
 * Writes p_flat_ip.faiss and p_ivf.faiss (inner product) into `dir`. The same input gives the same bytes.
 * @throws Error with FAISS' own words
 */
export async function buildIndexes(dir: string, build: IndexBuild): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'faiss-build-'));
  try {
    const file = join(work, 'vectors.npy');
    const shape = [build.vectors.length / build.dimension, build.dimension];
    await writeFile(file, formatNpy({ shape, data: build.vectors }));
    const [command, ...args] = moduleCommand('./faiss-build-main');
    await promisify(execFile)(command, [...args, file, String(build.nlist), String(build.nprobe), dir], {
      env: { ...process.env, OMP_NUM_THREADS: '1' },
    });
  } finally {
    await rm(work, { recursive: true });
  }
}

/** The command that runs a module beside this one in a new Node process: under tsx, vitest and from dist. */
function moduleCommand(path: string): [string, ...string[]] {
  const ending = extname(import.meta.url);
  const file = fileURLToPath(new URL(path + ending, import.meta.url));
  if (ending !== '.ts') return [process.execPath, file];
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return [process.execPath, '--import', loader, file];
}
