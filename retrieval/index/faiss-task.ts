/** What faiss-build-main makes of the rows it is given. */
export type FaissTask =
  | { readonly kind: 'flat'; readonly file: string }
  /** IVF-Flat; `start` 0 trains on the rows as they are, another number on a random order of them. */
  | {
      readonly kind: 'train';
      readonly file: string;
      readonly nlist: number;
      readonly nprobe: number;
      readonly start: number;
    }
  /** IVF-Flat with the centroids of `from`: its rows go, these come. */
  | { readonly kind: 'refill'; readonly file: string; readonly from: string; readonly nprobe: number };
