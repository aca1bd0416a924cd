import { absent, exact, inapplicable, formatGrowth } from '../estimate.ts';
import type { MetricDefinition } from '../metric.ts';
import { PLAIN } from '../metric.ts';
import { ofLaneItself } from '../of-lanes.ts';

/** Memory of the lane's process beyond what it was 15 minutes after the lane was ready, as a share of that. */
export const memoryGrowth: MetricDefinition = {
  ...PLAIN,
  unit: 'share',
  source: 'lane',
  estimate: ofLaneItself(({ after: { memoryBytes, memoryBaselineBytes: baseline } }, question) => {
    if (baseline === null) return inapplicable('the baseline is taken 15 minutes after the lane was ready');
    const mb = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(0)} MB`;
    const growth = memoryBytes / baseline - 1;
    const says = `${mb(memoryBytes)}, ${mb(baseline)} 15 minutes after the lane was ready (${formatGrowth(growth)})`;
    return exact(question, growth, says);
  }),
  remedy: () => 'restart the lane, drained: kill -TERM its pid, which GET /control names',
};

/** Imbalance factor of the IVF lists, as a multiple of what it was when the release was built. */
export const listImbalance: MetricDefinition = {
  ...PLAIN,
  unit: 'ratio',
  source: 'lane',
  estimate: ofLaneItself(({ after: { imbalance, imbalanceBuilt } }, question) => {
    if (imbalance === null || imbalanceBuilt === null || imbalanceBuilt === 0)
      return inapplicable('the index has no lists');
    const says = `imbalance factor ${imbalance.toFixed(2)}, ${imbalanceBuilt.toFixed(2)} as the release was built`;
    return exact(question, imbalance / imbalanceBuilt, says);
  }),
  remedy: () => 'retrain the lists: weeklyMaintenance builds such a release',
};

/** Rows beyond the manifest's, as a share of those. */
export const corpusGrowth: MetricDefinition = {
  ...PLAIN,
  unit: 'share',
  source: 'lane',
  estimate: ofLaneItself(({ after: { rows, rowsBuilt } }, question) => {
    if (rowsBuilt === 0) return absent('the release was built without rows');
    const growth = rows / rowsBuilt - 1;
    return exact(
      question,
      growth,
      `${rows} rows, ${rowsBuilt} as the release was built (${formatGrowth(growth)})`,
    );
  }),
  remedy: ({ own }) => {
    const lists = own.kind === 'window' ? ` with about ${Math.round(Math.sqrt(own.after.rows))} lists` : '';
    return `rebuild the index${lists}: weeklyMaintenance builds such a release`;
  },
};
