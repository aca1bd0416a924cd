import type { JoinedEvaluation } from './evaluation-activities.ts';
import type { Choice, IvfState, RerankerContest } from '../maintenance/decisions.ts';

/**
 * What the workflow `weeklyMaintenance` asks of the world. Each step leaves its files in a work folder of its run and
 * is not done twice; all run in niced child processes, and need the same artifacts and releases folders.
 */
export interface WeeklyActivities {
  /** Settles what every step has to agree on. Non-retryable failure where stable's release cannot be built on. */
  planWeekly(input: PlanWeekly): Promise<WeeklyPlan>;
  /** Corpus and vectors of the release with what was ingested and removed since. */
  mergeCorpus(plan: WeeklyPlan): Promise<MergeReport>;
  /** p_flat_ip.faiss of the merged corpus. */
  rebuildTruth(plan: WeeklyPlan): Promise<{ readonly rows: number; readonly dimension: number }>;
  /** The models that serve now, on the merged corpus and its truth; a line in history.jsonl. */
  evaluateMerged(plan: WeeklyPlan): Promise<JoinedEvaluation>;
  /** p_ivf.faiss: the old lists with the new rows, or retrained lists. */
  prepareIvf(plan: WeeklyPlan): Promise<IvfReport>;
  /** Trains a reranker and lets it compete with the one that serves. */
  retrainReranker(plan: WeeklyPlan): Promise<RetrainReport>;
  /** Makes a release of the parts, whole or not at all. Again is the same. */
  publishRelease(input: PublishWeekly): Promise<PublishReport>;
  /** Removes the work folder. */
  dropWork(plan: WeeklyPlan): Promise<void>;
}

interface PlanWeekly {
  /** `<workflowId>/<runId>`. */
  readonly run: string;
  /** YYYYMMDD. */
  readonly date: string;
  readonly atMs: number;
}

export interface WeeklyPlan {
  /** The release that stable serves: what is built on. */
  readonly base: string;
  /** The new release, e.g. weekly-20261126. */
  readonly version: string;
  /** Name of the work folder. */
  readonly key: string;
  readonly date: string;
  readonly atMs: number;
  /** Bytes of the ingest log: up to there the base has it, up to there the new release will. */
  readonly ingestFrom: number;
  readonly ingestUntil: number;
}

export interface MergeReport {
  readonly rowsBefore: number;
  readonly rows: number;
  readonly added: number;
  readonly replaced: number;
  readonly removed: number;
  /** Records that could not be taken, and why the first ones could not. */
  readonly passedOver: number;
  readonly reasons: readonly string[];
  /** Articles whose chunks nobody knew before. */
  readonly newArticles: number;
}

export interface IvfReport {
  readonly before: IvfState;
  readonly rebuilt: Choice;
  readonly nlist: number;
  readonly imbalance: number;
  /** Imbalance of each start of k-means; empty where the old lists were kept. */
  readonly starts: readonly number[];
}

export interface RetrainReport {
  readonly contest: RerankerContest;
  readonly trainedOn: { readonly articles: number; readonly queries: number };
}

interface PublishWeekly {
  readonly plan: WeeklyPlan;
  readonly reranker: 'old' | 'new';
  readonly ivfTrainedOn: number;
}

export interface PublishReport {
  readonly release: string;
  readonly rows: number;
  readonly rAt5: number;
  readonly containAt50: number;
  /** Why pre-flight will refuse it, by smoke test; empty where it will not. */
  readonly refusals: readonly string[];
  /** Of checksums.txt. */
  readonly sha256: string;
}
