import type { EvaluateShard, EvaluationActivities } from '../../domain/contracts/evaluation-activities.ts';
import type { HistoryEntry } from '../../domain/evaluation/history.ts';
import { historyKey } from '../../domain/evaluation/history.ts';
import { measured, missing } from '../../domain/core/metric-value.ts';
import type { Notification } from '../../domain/notification/notification.ts';
import { shardsOf } from '../../domain/evaluation/shards.ts';

/** The outside of an evaluation: 100 queries, found as the test sets it. */
export class EvaluationWorld {
  rAt5 = 0.8;
  /** What the release promised. */
  expected: number | null = 0.8;
  beforeShard: (shard: EvaluateShard['shard'], attempt: number) => void = () => {};
  readonly attempts = new Map<number, number>();
  readonly pages: Notification[] = [];
  plan: () => void = () => {};
  joined = 0;
  containAt50 = 0.9;
  /** Hears of each line that is appended to the history. */
  wrote: (entry: HistoryEntry) => void = () => {};

  activities(): EvaluationActivities & { notify(page: Notification): Promise<{ to: string }> } {
    return {
      planEvaluation: async ({ release, shards }) => {
        this.plan();
        return {
          release: release ?? 'v-1',
          key: 'k',
          flags: null,
          ingestUntil: 0,
          queries: 100,
          shards: shardsOf(100, shards),
        };
      },
      evaluateShard: async ({ shard }) => {
        const attempt = (this.attempts.get(shard.from) ?? 0) + 1;
        this.attempts.set(shard.from, attempt);
        this.beforeShard(shard, attempt);
        return { asked: shard.to - shard.from, reused: false };
      },
      joinEvaluation: async ({ plan: { release }, kind, date, atMs }) => {
        this.joined++;
        const entry = {
          key: historyKey({ date, kind, release }),
          kind,
          date,
          atMs,
          release,
          queries: 100,
          articles: 10,
          ntotal: 1_000,
          R_at_5: this.rAt5,
          MRR: 0.5,
          Contain_at_50: this.containAt50,
          plain_R_at_5: this.rAt5,
          reranked_R_at_5: this.rAt5,
        };
        this.wrote(entry);
        return {
          entry,
          quality: {
            release,
            atMs,
            rAt5: measured(this.rAt5, 100),
            mrr: measured(0.5, 100),
            containAt50: measured(this.containAt50, 100),
            expectedRAt5: this.expected === null ? missing('it does not say') : measured(this.expected, 100),
          },
          history: [entry],
          gone: 0,
          file: `eval/nightly_${date}.json`,
          trendFile: 'eval/trend.svg',
        };
      },
      notify: async (page) => {
        this.pages.push(page);
        return { to: 'the log' };
      },
    };
  }
}
