import { extname } from 'node:path';
import { z } from 'zod';
import { writeFlatIndex } from '../../../retrieval/index/flat-file.ts';
import { checkRowNorms } from '../../../retrieval/release/norms.ts';
import { readNpy } from '../../../retrieval/release/npy.ts';
import { readNpz } from '../../../retrieval/release/npz.ts';
import { existing } from '../../cli/options.ts';
import { UsageError, command } from '../../cli/command.ts';

export const buildTruth = command({
  example: '--corpus artifacts/corpus/current.npz --out artifacts/faiss/p_flat_ip.faiss',
  options: {
    corpus: { value: 'FILE', help: 'vectors n x d, float32: .npy or .npz', schema: existing },
    array: { value: 'NAME', help: 'array of a .npz that holds several', schema: z.string().optional() },
    out: { value: 'FILE', help: 'the .faiss file', schema: z.string().min(1) },
  },
  async run({ corpus, array, out }) {
    const { shape, data } = await readVectors(corpus, array);
    const [rows = 0, dimension = 0] = shape;
    if (shape.length !== 2 || rows === 0 || dimension === 0)
      throw new Error(`${corpus} has shape ${shape.join(' x ')}, not n x d`);
    const { wrong, worst } = checkRowNorms(data, dimension);
    if (wrong > 0)
      throw new Error(
        `${corpus}: ${wrong} of ${rows} vectors are not of unit norm, the worst is ${worst.toPrecision(3)} from 1`,
      );
    await writeFlatIndex(out, data, dimension);
    return {
      passed: true,
      lines: [`${out}: ${rows} rows of ${dimension} dimensions`],
      result: { out, rows, dimension },
    };
  },
});

async function readVectors(file: string, array: string | undefined) {
  const ending = extname(file);
  if (ending !== '.npy' && ending !== '.npz')
    throw new UsageError(`--corpus: ${file} is neither .npy nor .npz`);
  return ending === '.npy' ? readNpy(file) : readNpz(file, array);
}
