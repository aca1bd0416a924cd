/**
 * Child process that builds indexes of the rows in a file: `faiss-build-main VECTORS.npy TASKS-AS-JSON`. A process of
 * its own, as faiss-node aborts on C++ exceptions and blocks its thread. FAISS' k-means is seeded with its default; one
 * OpenMP thread fixes the order of sums, so that the same vectors give the same bytes.
 */
import { readFile, writeFile } from 'node:fs/promises';
import faiss from 'faiss-node';
import { permutation, seededRandom } from '../build/random.ts';
import { parseNpy } from '../release/npy.ts';
import type { FaissTask } from './faiss-task.ts';

/** Where an IVF-Flat index file ("IwFl") keeps nprobe (uint64, little-endian); faiss-node has no setter. */
const NPROBE_OFFSET = 45;

const [file = '', json = ''] = process.argv.slice(2);
const tasks: readonly FaissTask[] = JSON.parse(json);
const { shape, data } = parseNpy(await readFile(file));
const dimension = shape[1] ?? 0;
const rows = Array.from(data);

for (const task of tasks) await carryOut(task);

async function carryOut(task: FaissTask): Promise<void> {
  switch (task.kind) {
    case 'flat': {
      const flat = new faiss.IndexFlatIP(dimension);
      flat.add(rows);
      flat.write(task.file);
      return;
    }
    case 'train': {
      const metric = faiss.MetricType.METRIC_INNER_PRODUCT;
      const ivf = faiss.Index.fromFactory(dimension, `IVF${task.nlist},Flat`, metric);
      ivf.train(task.start === 0 ? rows : shuffled(task.start));
      ivf.add(rows);
      return writeIvf(ivf, task);
    }
    case 'refill': {
      const ivf = faiss.Index.read(task.from);
      ivf.removeIds(Array.from({ length: ivf.ntotal() }, (_, id) => id));
      ivf.add(rows);
      return writeIvf(ivf, task);
    }
    default:
      return task satisfies never;
  }
}

/** FAISS draws its first centroids by place: another order of the rows is another start of k-means. */
function shuffled(start: number): number[] {
  const order = permutation(rows.length / dimension, seededRandom(start));
  return rows.map((_, at) => {
    const row = order[Math.floor(at / dimension)] ?? 0;
    return rows[row * dimension + (at % dimension)] ?? 0;
  });
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
