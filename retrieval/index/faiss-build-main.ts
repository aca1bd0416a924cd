/**
 * Child process that builds both indexes: `faiss-build-main VECTORS.npy NLIST NPROBE DIR` writes p_flat_ip.faiss and
 * p_ivf.faiss. A process of its own, as faiss-node aborts on C++ exceptions and blocks its thread. FAISS' k-means is
 * seeded with its default; one OpenMP thread fixes the order of sums, so that the same vectors give the same bytes.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import faiss from 'faiss-node';
import { parseNpy } from '../release/npy.ts';

/** Where an IVF-Flat index file ("IwFl") keeps nprobe (uint64, little-endian); faiss-node has no setter. */
const NPROBE_OFFSET = 45;

const [file = '', nlist = '', nprobe = '', dir = ''] = process.argv.slice(2);
const { shape, data } = parseNpy(await readFile(file));
const dimension = shape[1] ?? 0;
const rows = Array.from(data);

const flat = new faiss.IndexFlatIP(dimension);
flat.add(rows);
flat.write(join(dir, 'p_flat_ip.faiss'));

const ivf = faiss.Index.fromFactory(dimension, `IVF${nlist},Flat`, faiss.MetricType.METRIC_INNER_PRODUCT);
ivf.train(rows);
ivf.add(rows);
const bytes = ivf.toBuffer();
if (bytes.toString('latin1', 0, 4) !== 'IwFl') throw new Error('FAISS wrote an index of another kind');
bytes.writeBigUInt64LE(BigInt(nprobe), NPROBE_OFFSET);
await writeFile(join(dir, 'p_ivf.faiss'), bytes);
