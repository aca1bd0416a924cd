import { alertNotification } from '../../domain/alerts/alert-message.ts';
import type { EvaluationRecord } from '../../domain/alerts/evaluations.ts';
import { evaluateOnce } from '../../domain/alerts/evaluate-rules.ts';
import type {
  EvaluateShard,
  EvaluationActivities,
  RulesResult,
} from '../../domain/contracts/evaluation-activities.ts';
import { shippedRules } from './alert-polls.ts';
import type { HistoryEntry } from '../../domain/evaluation/history.ts';
import { historyKey } from '../../domain/evaluation/history.ts';
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
  /** Called before the rules judge; may throw in their place. */
  judge: () => void = () => {};
  joined = 0;
  containAt50 = 0.9;
  /** A monitor watches what is evaluated. */
  watched = false;
  /** The line that was appended last. */
  private entry: HistoryEntry | null = null;
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
        this.entry = entry;
        this.wrote(entry);
        return {
          entry,
          gone: 0,
          file: `eval/nightly_${date}.json`,
          trendFile: 'eval/trend.svg',
        };
      },
      evaluateRules: async () => {
        this.judge();
        return this.watched || this.entry === null ? { by: 'monitor' } : rulesOn(this.entry, this.expected);
      },
      notify: async (page) => {
        this.pages.push(page);
        return { to: 'the log' };
      },
    };
  }
}

/** As the real activity, of this line alone. */
export function rulesOn(entry: HistoryEntry, expectedRAt5: number | null): RulesResult {
  const { kind, atMs, release, queries, R_at_5: rAt5, Contain_at_50: containAt50 } = entry;
  const shares = { rAt5, containAt50, expectedRAt5, rerankLift: 0.05 };
  const record: EvaluationRecord = { kind, atMs, release, queries, ...shares };
  const rules = shippedRules();
  const { findings, events } = evaluateOnce(rules, release, [record], atMs);
  const about = { service: 'retriever', taskQueue: 'q', scene: null, nowMs: atMs };
  const notifications = events.map((event) => alertNotification(event, rules, about));
  return { by: 'evaluation', findings, notifications };
}
