import type { CorpusChunk } from './corpus/jsonl.ts';
import type { NativeIndex } from './index/open.ts';

/** A release's corpus with the chunks that came and went since it was built. */
export class LiveCorpus {
  readonly dimension: number;
  readonly index: NativeIndex;
  /** What row i of the index is, also once it is gone. */
  readonly chunks: CorpusChunk[];
  private readonly rows: Map<string, number>;
  private readonly left = new Set<number>();

  constructor(index: NativeIndex, chunks: readonly CorpusChunk[]) {
    this.dimension = index.dimension;
    this.index = index;
    this.chunks = [...chunks];
    this.rows = new Map(chunks.map(({ id }, row) => [id, row]));
  }

  /** Whether that row was removed, or replaced by another of the same id. */
  isGone(row: number): boolean {
    return this.left.has(row);
  }

  /** Whether there is a chunk of that id. */
  has(id: string): boolean {
    return this.rows.has(id);
  }

  /** Makes a chunk searchable, in place of one of the same id. `vector`: `dimension` floats of unit norm. */
  put(chunk: CorpusChunk, vector: Float32Array): void {
    const row = this.index.add(vector);
    this.chunks[row] = chunk;
    // Only then the old one goes: nobody sees neither of them.
    this.remove(chunk.id);
    this.rows.set(chunk.id, row);
  }

  /** Returns whether there was a chunk of that id. */
  remove(id: string): boolean {
    const row = this.rows.get(id);
    if (row === undefined) return false;
    this.rows.delete(id);
    this.left.add(row);
    return this.index.remove(row);
  }
}
