/** What a release's own metrics.json says of it. */
export interface ReleaseQuality {
  readonly release: string;
  readonly tau: number;
  /** Expected share (0..1) of context queries with a result of cosine >= tau. */
  readonly expectedShare: number;
  readonly rAt5: number;
  readonly queries: number;
}

/** What a window of the release is held against. */
export type ExpectedQuality = Pick<ReleaseQuality, 'release' | 'expectedShare'>;
