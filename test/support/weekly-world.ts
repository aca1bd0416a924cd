import type { EvaluationActivities } from '../../domain/contracts/evaluation-activities.ts';
import type { HistoryEntry } from '../../domain/evaluation/history.ts';
import type {
  IvfReport,
  MergeReport,
  RetrainReport,
  WeeklyActivities,
} from '../../domain/contracts/maintenance-activities.ts';
import { rulesOn } from './evaluation-world.ts';
import type { Notification } from '../../domain/notification/notification.ts';

export const UNCHANGED: MergeReport = {
  rowsBefore: 1_000,
  rows: 1_000,
  added: 0,
  replaced: 0,
  removed: 0,
  passedOver: 0,
  reasons: [],
  newArticles: 0,
};

/** The outside of a weekly maintenance: by itself a week without any change. */
export class WeeklyWorld {
  merge = UNCHANGED;
  ivf: IvfReport = {
    before: { trainedOn: 950, rows: 1_000, imbalance: 1.2, longestTimesMean: 2 },
    rebuilt: { yes: false, reason: '1000 rows, +5.3 %' },
    nlist: 31,
    imbalance: 1.2,
    starts: [],
  };
  contest: RetrainReport['contest'] = {
    queries: 100,
    articles: 10,
    before: { rAt5: 0.8, mrr: 0.6 },
    after: { rAt5: 0.8, mrr: 0.6 },
    lostAt5: 0,
    gainedAt5: 0,
  };
  containAt50 = 0.9;
  /** Why pre-flight would refuse what is published. */
  refusals: readonly string[] = [];
  /** Called before an activity does its work; may throw in its place. */
  before: (activity: string, attempt: number) => void = () => {};
  private entry: HistoryEntry | null = null;
  readonly calls: string[] = [];
  readonly published: unknown[] = [];
  readonly pages: Notification[] = [];

  activities(): object {
    const weekly: WeeklyActivities = {
      planWeekly: async ({ date, atMs }) => ({
        base: 'v-1',
        version: `weekly-${date}`,
        key: 'k',
        date,
        atMs,
        ingestFrom: 0,
        ingestUntil: 10,
      }),
      mergeCorpus: async () => this.merge,
      rebuildTruth: async () => ({ rows: this.merge.rows, dimension: 384 }),
      evaluateMerged: async ({ version, date, atMs }) => {
        const quality = { R_at_5: 0.8, MRR: 0.6, Contain_at_50: this.containAt50 };
        const recall = { plain_R_at_5: 0.7, reranked_R_at_5: 0.8 };
        const named = { key: `${date}/weekly/${version}`, kind: 'weekly', date, atMs } as const;
        const counts = { release: version, queries: 100, articles: 10, ntotal: 1_000 };
        const entry = { ...named, ...counts, ...quality, ...recall };
        this.entry = entry;
        return {
          entry,
          gone: 0,
          file: 'eval/weekly.json',
          trendFile: 'eval/trend.svg',
        };
      },
      prepareIvf: async () => this.ivf,
      retrainReranker: async () => ({ contest: this.contest, trainedOn: { articles: 5, queries: 50 } }),
      publishRelease: async (input) => {
        this.published.push(input);
        return {
          release: input.plan.version,
          rows: this.merge.rows,
          rAt5: 0.8,
          containAt50: 0.9,
          refusals: this.refusals,
          sha256: 'f'.repeat(64),
        };
      },
      dropWork: async () => {},
    };
    const noted = Object.entries(weekly).map(([name, activity]) => [
      name,
      async (input: never) => {
        this.calls.push(name);
        this.before(name, this.calls.filter((call) => call === name).length);
        return (activity as (input: never) => Promise<unknown>)(input);
      },
    ]);
    const notify = async (page: Notification) => {
      this.pages.push(page);
      return { to: 'the log' };
    };
    const evaluateRules: EvaluationActivities['evaluateRules'] = async () =>
      this.entry === null ? { by: 'monitor' } : rulesOn(this.entry, 0.8);
    return { ...Object.fromEntries(noted), evaluateRules, notify };
  }
}
