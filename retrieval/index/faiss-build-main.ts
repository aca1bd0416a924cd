/**
 * Child process that builds indexes of the rows in a file: `faiss-build-main VECTORS.npy TASKS-AS-JSON`. A process of
 * its own, as faiss-node aborts on C++ exceptions and blocks its thread. FAISS' k-means is seeded with its default; one
 * OpenMP thread fixes the order of sums, so that the same vectors give the same bytes.
 */
import { writeFile } from 'node:fs/promises';
import faiss from 'faiss-node';
import { permutation, seededRandom } from '../build/random.ts';
import { readNpy } from '../release/npy.ts';
import type { FaissTask } from './faiss-task.ts';

/** Where an IVF-Flat index file ("IwFl") keeps nprobe (uint64, little-endian); faiss-node has no setter. */
const NPROBE_OFFSET = 45;

/** faiss-node takes plain arrays, which cannot be of any length, and of 8 bytes for each number: rows go in by blocks. */
const BLOCK = 2 ** 24;
/** As many numbers are trained on at most: k-means wants some hundred rows of a list, not all. */
const TRAINED_ON = 2 ** 26;

const [file = '', json = ''] = process.argv.slice(2);
const tasks: readonly FaissTask[] = JSON.parse(json);
const { shape, data } = await readNpy(file);
const dimension = shape[1] ?? 0;

for (const task of tasks) await carryOut(task);

async function carryOut(task: FaissTask): Promise<void> {
  switch (task.kind) {
    case 'flat': {
      const flat = new faiss.IndexFlatIP(dimension);
      addAll(flat);
      flat.write(task.file);
      return;
    }
    case 'train': {
      const metric = faiss.MetricType.METRIC_INNER_PRODUCT;
      const ivf = faiss.Index.fromFactory(dimension, `IVF${task.nlist},Flat`, metric);
      ivf.train(sample(task.start));
      addAll(ivf);
      return writeIvf(ivf, task);
    }
    case 'refill': {
      const ivf = faiss.Index.read(task.from);
      ivf.removeIds(Array.from({ length: ivf.ntotal() }, (_, id) => id));
      addAll(ivf);
      return writeIvf(ivf, task);
    }
    default:
      return task satisfies never;
  }
}

function addAll(index: { add(rows: number[]): void }): void {
  const floats = dimension * Math.max(1, Math.floor(BLOCK / dimension));
  for (let at = 0; at < data.length; at += floats) index.add(Array.from(data.subarray(at, at + floats)));
}

/**
 * The rows to train on: all in their order for start 0, else in another one. FAISS draws its first centroids by place, so
 * another order is another start of k-means. Of more rows than an array may hold a random part.
 */
function sample(start: number): number[] {
  const rows = data.length / dimension;
  const most = Math.floor(TRAINED_ON / dimension);
  if (start === 0 && rows <= most) return Array.from(data);
  const order = permutation(rows, seededRandom(start)).slice(0, most);
  const sampled = new Float32Array(order.length * dimension);
  for (const [to, row] of order.entries())
    sampled.set(data.subarray(row * dimension, (row + 1) * dimension), to * dimension);
  return Array.from(sampled);
}

async function writeIvf(
  ivf: InstanceType<typeof faiss.Index>,
  { file: to, nprobe }: { readonly file: string; readonly nprobe: number },
): Promise<void> {
  const bytes = ivf.toBuffer();
  if (bytes.toString('latin1', 0, 4) !== 'IwFl') throw new Error('FAISS wrote an index of another kind');
  bytes.writeBigUInt64LE(BigInt(nprobe), NPROBE_OFFSET);
  await writeFile(to, bytes);
}
