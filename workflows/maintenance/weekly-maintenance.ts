import { ApplicationFailure } from '@temporalio/workflow';
import type { HistoryEntry } from '../../domain/evaluation/history.ts';
import { retrainedWins } from '../../domain/maintenance/decisions.ts';
import type { IvfReport, MergeReport, WeeklyPlan } from '../../domain/contracts/maintenance-activities.ts';
import type { WeeklyInput } from '../../domain/maintenance/input.ts';
import { readWeeklyInput } from '../../domain/maintenance/input.ts';
import { permanentReason } from '../runtime/activities.ts';
import type { AppliedRules } from '../evaluation/apply-rules.ts';
import { applyRules, dateOf, tell } from '../evaluation/apply-rules.ts';
import { identity } from '../runtime/identity.ts';
import { weeklyActivities } from './activities.ts';

interface WeeklyStep {
  readonly step: 'merge' | 'truth' | 'evaluate' | 'ivf' | 'reranker' | 'publish';
  /** A skipped step says why. */
  readonly outcome: 'done' | 'skipped';
  readonly says: string;
}

/** What a weekly maintenance did. */
export interface WeeklySummary {
  /** The new release, which a rollout can ship; null where none was asked for. */
  readonly release: string | null;
  /** What stable served when it began. */
  readonly base: string;
  readonly steps: readonly WeeklyStep[];
  readonly evaluated: HistoryEntry;
  /** What the alert rules say of the evaluation; null where they could not be evaluated. */
  readonly rules: AppliedRules | null;
}

/**
 * Keeps the release up with its corpus: `{"publish":"always"}` (or `whenChanged`). Merges what was ingested and removed,
 * rebuilds the truth, evaluates, retrains lists and reranker where that is better, and publishes a release. It
 * changes no traffic: shipping is a rollout's.
 */
export async function weeklyMaintenance(raw?: unknown): Promise<WeeklySummary> {
  const read = readWeeklyInput(raw);
  if ('problems' in read)
    throw ApplicationFailure.nonRetryable(`wrong input: ${read.problems.join('; ')}`, 'WrongInput');
  const { workflowId, runId } = identity();
  const atMs = Date.now();
  try {
    const { planWeekly } = weeklyActivities();
    const plan = await planWeekly({ run: `${workflowId}/${runId}`, date: dateOf(atMs), atMs });
    return await maintain(plan, read.input);
  } catch (error) {
    const reason = permanentReason(error);
    await tell({
      severity: 'warning',
      title: 'the weekly maintenance ended without a release',
      text: `${reason}; what its steps made is in the work folder`,
      dedupeKey: `${runId}/noRelease/${Date.now()}`,
    });
    throw ApplicationFailure.nonRetryable(reason, 'NotMaintained');
  }
}

async function maintain(plan: WeeklyPlan, input: WeeklyInput): Promise<WeeklySummary> {
  const step = weeklyActivities();
  const steps: WeeklyStep[] = [];
  const note = (name: WeeklyStep['step'], did: boolean, says: string) =>
    steps.push({ step: name, outcome: did ? 'done' : 'skipped', says });

  const merge = await step.mergeCorpus(plan);
  note('merge', hasChanged(merge), formatMerge(merge));
  const { rows, dimension } = await step.rebuildTruth(plan);
  note('truth', true, `${rows} rows of ${dimension} dimensions`);
  const evaluation = await step.evaluateMerged(plan);
  const { R_at_5, Contain_at_50, queries } = evaluation.entry;
  note(
    'evaluate',
    true,
    `R@5 ${R_at_5.toFixed(4)}, Contain@50 ${Contain_at_50.toFixed(4)} on ${queries} queries`,
  );
  const rules = await applyRules(evaluation.entry.release, evaluation.entry.key);
  const ivf = await step.prepareIvf(plan);
  note('ivf', ivf.rebuilt.yes, formatIvf(ivf));
  const { contest } = await step.retrainReranker(plan);
  const wins = retrainedWins(contest);
  note('reranker', wins.yes, `${wins.yes ? 'the new one wins' : 'the old one stays'}: ${wins.reason}`);

  const changed = hasChanged(merge) || ivf.rebuilt.yes || wins.yes;
  let release: string | null = null;
  if (changed || input.publish === 'always') {
    const ivfTrainedOn = ivf.rebuilt.yes ? merge.rows : ivf.before.trainedOn;
    const published = await step.publishRelease({
      plan,
      reranker: wins.yes ? 'new' : 'old',
      ivfTrainedOn,
    });
    const { refusals } = published;
    ({ release } = published);
    const refused = refusals.length > 0 ? `; pre-flight will refuse it: ${refusals.join('; ')}` : '';
    note('publish', true, `${release}: ${published.rows} rows, R@5 ${published.rAt5.toFixed(4)}${refused}`);
    await tell(refusals.length > 0 ? notToShip(plan, release, refusals) : readyToShip(plan, release));
  } else note('publish', false, 'neither corpus nor lists nor reranker changed');
  await step.dropWork(plan);
  return { release, base: plan.base, steps, evaluated: evaluation.entry, rules };
}

function readyToShip({ base, key }: WeeklyPlan, release: string) {
  return {
    severity: 'info',
    title: `${release} can be shipped`,
    text: `built on ${base}; a rollout with {"candidate":"${release}"} ships it`,
    dedupeKey: `weekly/${key}`,
  } as const;
}

function notToShip({ base, key }: WeeklyPlan, release: string, refusals: readonly string[]) {
  return {
    severity: 'warning',
    title: `${release} cannot be shipped: pre-flight will refuse it`,
    text: `built on ${base}; ${refusals.join('; ')}`,
    dedupeKey: `weekly/${key}`,
  } as const;
}

function hasChanged({ added, replaced, removed }: MergeReport): boolean {
  return added + replaced + removed > 0;
}

function formatMerge(merge: MergeReport): string {
  const { added, replaced, removed, rowsBefore, rows, newArticles, passedOver, reasons } = merge;
  const counts = `${added} added (${newArticles} new articles), ${replaced} replaced, ${removed} removed: ${rowsBefore} -> ${rows} rows`;
  return passedOver === 0 ? counts : `${counts}; ${passedOver} records passed over: ${reasons.join('; ')}`;
}

function formatIvf({ rebuilt, nlist, imbalance, starts }: IvfReport): string {
  if (!rebuilt.yes) return `the ${nlist} lists stay: ${rebuilt.reason}`;
  const tried = starts.map((one) => one.toFixed(2)).join(', ');
  return `${nlist} new lists, imbalance ${imbalance.toFixed(2)} (of starts with ${tried}): ${rebuilt.reason}`;
}
