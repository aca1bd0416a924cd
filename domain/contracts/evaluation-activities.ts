import type { Flags } from '../control/state.ts';
import type { RuleFinding } from '../alerts/evaluate-rules.ts';
import type { EvaluationKind, HistoryEntry } from '../evaluation/history.ts';
import type { Shard } from '../evaluation/shards.ts';
import type { Notification } from '../notification/notification.ts';

/** What the workflow `evaluation` asks of the world. Heavy parts run in niced child processes. */
export interface EvaluationActivities {
  /** Looks at the release and settles what every shard has to agree on. Non-retryable failure for a bad release. */
  planEvaluation(input: PlanEvaluation): Promise<EvaluationPlan>;
  /**
   * Asks some of the queries; the hits go to a file, so that a shard is not asked twice. Shards and the join have to
   * see the same artifacts folder.
   */
  evaluateShard(input: EvaluateShard): Promise<ShardDone>;
  /** Puts the shards together: result file, line in history.jsonl, trend.svg. Again is the same. */
  joinEvaluation(input: JoinEvaluation): Promise<JoinedEvaluation>;
  /** Evaluates the alert rules once on a release's newest evaluation, unless a monitor watches that release. */
  evaluateRules(input: { readonly release: string }): Promise<RulesResult>;
}

interface PlanEvaluation {
  /** Null: what stable serves, under the flags it is served with. */
  readonly release: string | null;
  /** Null: by the number of queries. */
  readonly shards: number | null;
  /** `<workflowId>/<runId>`: shards of one run are never mixed with another's. */
  readonly run: string;
}

export interface EvaluationPlan {
  readonly release: string;
  /** Of run, release content and log: the folder of the shards. */
  readonly key: string;
  /** Flags to evaluate under; null: the release's own. */
  readonly flags: Flags | null;
  /** Bytes of the ingest log up to which chunks have come and gone. */
  readonly ingestUntil: number;
  readonly queries: number;
  readonly shards: readonly Shard[];
}

export interface EvaluateShard {
  readonly plan: Omit<EvaluationPlan, 'shards'>;
  readonly shard: Shard;
}

interface ShardDone {
  readonly asked: number;
  /** An earlier attempt had written its hits already. */
  readonly reused: boolean;
}

export interface JoinEvaluation {
  readonly plan: EvaluationPlan;
  readonly kind: EvaluationKind;
  /** YYYYMMDD. */
  readonly date: string;
  readonly atMs: number;
}

export interface JoinedEvaluation {
  readonly entry: HistoryEntry;
  /** Queries whose right answer was removed from the corpus; they were not counted. */
  readonly gone: number;
  readonly file: string;
  readonly trendFile: string;
}

export type RulesResult =
  /** A monitor watches the release: it notifies by the same rules. */
  | { readonly by: 'monitor' }
  | {
      readonly by: 'evaluation';
      readonly findings: readonly RuleFinding[];
      readonly notifications: readonly Notification[];
    };
