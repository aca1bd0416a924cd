/** What a labelled evaluation of a lane found, or why there is none. */
export type EvaluationResult =
  | {
      readonly kind: 'evaluated';
      readonly release: string;
      readonly atMs: number;
      readonly queries: number;
      /** Shares 0..1. */
      readonly rAt5: number;
      readonly mrr: number;
      readonly containAt50: number;
      /** The release's own pre-ship numbers on the same queries. */
      readonly expected: { readonly rAt5: number; readonly mrr: number; readonly containAt50: number };
      /** Queries (of the same set) found at 5 then and not now, and the other way round: the paired evidence. */
      readonly lostAt5: number;
      readonly gainedAt5: number;
      readonly file: string;
    }
  | { readonly kind: 'missing'; readonly reason: string };
