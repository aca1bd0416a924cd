import type { NativeIndex } from '../../../retrieval/index/open.ts';
import { openIndex } from '../../../retrieval/index/open.ts';
import { UsageError } from '../../cli/command.ts';

/** A serving index and its truth; closed once it was used. */
export interface IndexPair {
  readonly ivf: NativeIndex;
  readonly flat: NativeIndex;
  /** Of the serving index. */
  readonly nlist: number;
}

/**
 * Opens both and calls. Two serving indexes agree with each other and prove nothing, and neither do two truths.
 * @throws UsageError where `flat` has lists or `ivf` has none
 */
export async function withIndexPair<T>(
  files: { readonly ivf: string; readonly flat: string },
  use: (pair: IndexPair) => Promise<T>,
): Promise<T> {
  const flat = await openIndex(files.flat);
  try {
    if (flat.nlist !== null)
      throw new UsageError(`${files.flat} has ${flat.nlist} lists: it is no truth index, which has none`);
    const ivf = await openIndex(files.ivf);
    try {
      const { nlist } = ivf;
      if (nlist === null) throw new UsageError(`${files.ivf} has no lists: it is no serving index`);
      return await use({ ivf, flat, nlist });
    } finally {
      ivf.close();
    }
  } finally {
    flat.close();
  }
}

/** @throws UsageError where one is more than there are lists: it would measure the same as all of them */
export function withinLists(option: string, nprobes: readonly number[], nlist: number): void {
  const over = nprobes.filter((nprobe) => nprobe > nlist);
  if (over.length > 0)
    throw new UsageError(`${option}: ${over.join(', ')} is more than the ${nlist} lists that there are`);
}
