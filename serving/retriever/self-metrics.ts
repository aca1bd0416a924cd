import { performance } from 'node:perf_hooks';
import type { LaneMetricsResponse } from '../../domain/metrics/lane-self-metrics.ts';
import { listRowsByQuantile } from '../../domain/metrics/lane-self-metrics.ts';
import type { EncoderStats } from '../../retrieval/encoder/cached-encoder.ts';
import type { IndexStatistics } from '../../retrieval/index/open.ts';
import type { Inspection } from '../../retrieval/inspect.ts';
import type { Recall } from '../../retrieval/pipeline.ts';

/** Caches and heaps are as large as they get by then; what grows after that is growth. */
const SETTLED_MS = 15 * 60_000;

export interface LaneCountingDeps {
  /** The manifest's. */
  readonly rowsBuilt: number;
  readonly built: Pick<IndexStatistics, 'imbalance'>;
  readonly now: () => number;
  readonly memoryBytes: () => number;
}

/** What a lane counts of itself, for the gateway that asks. Made when the lane is ready. */
export class LaneCounting {
  private readonly deps: LaneCountingDeps;
  private readonly readyMs: number;
  private memoryBaselineBytes: number | null = null;
  private answers = 0;
  private emptyAnswers = 0;
  private lookedAt = 0;
  private duplicateShares = 0;
  private duplicateShareSquares = 0;
  private norms = 0;
  private normErrors = 0;
  private recallQueries = 0;
  private recallFound = 0;
  private recallMissed = 0;

  constructor(deps: LaneCountingDeps) {
    this.deps = deps;
    this.readyMs = deps.now();
  }

  /** An answer with so many results. */
  answered(results: number): void {
    this.answers++;
    if (results === 0) this.emptyAnswers++;
  }

  /** An answer that was looked at closely. */
  inspected({ duplicateShare, encodedNorm }: Pick<Inspection, 'duplicateShare' | 'encodedNorm'>): void {
    if (encodedNorm !== null) {
      this.norms++;
      this.normErrors += Math.abs(encodedNorm - 1);
    }
    if (duplicateShare === null) return;
    this.lookedAt++;
    this.duplicateShares += duplicateShare;
    this.duplicateShareSquares += duplicateShare ** 2;
  }

  /** An answer that was compared with an exact search. */
  recalled({ found, expected }: Recall): void {
    this.recallQueries++;
    this.recallFound += found;
    this.recallMissed += expected - found;
  }

  /** Cumulative since the process began. The first report after 15 minutes takes the memory's baseline. */
  report(
    index: IndexStatistics,
    { hits, misses }: Pick<EncoderStats, 'hits' | 'misses'>,
  ): LaneMetricsResponse {
    const { rowsBuilt, built, now, memoryBytes } = this.deps;
    const memory = memoryBytes();
    const listRows = listRowsByQuantile([...(index.listSizes ?? [])]);
    if (now() - this.readyMs >= SETTLED_MS) this.memoryBaselineBytes ??= memory;
    return {
      own: {
        startSeconds: performance.timeOrigin / 1000,
        uptimeSeconds: performance.now() / 1000,
        answers: this.answers,
        emptyAnswers: this.emptyAnswers,
        inspected: this.lookedAt,
        duplicateShares: this.duplicateShares,
        duplicateShareSquares: this.duplicateShareSquares,
        norms: this.norms,
        normErrors: this.normErrors,
        recallQueries: this.recallQueries,
        recallFound: this.recallFound,
        recallMissed: this.recallMissed,
        textsCached: hits,
        textsEncoded: misses,
        memoryBytes: memory,
        memoryBaselineBytes: this.memoryBaselineBytes,
        imbalance: index.imbalance,
        imbalanceBuilt: built.imbalance,
        largestList: listRows['1'] ?? null,
        medianList: listRows['0.5'] ?? null,
        rows: index.rows,
        rowsBuilt,
      },
      listRows,
    };
  }
}
