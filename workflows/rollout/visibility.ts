import { SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common';
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { LoadedPlan } from '../../domain/contracts/rollout-activities.ts';
import type { RolloutState } from '../../domain/rollout/state.ts';
import { stageOf } from '../../domain/rollout/state.ts';
import type { SearchAttribute } from '../../domain/core/search-attributes.ts';
import { statusMarkdown, statusOf } from '../../domain/rollout/status/status.ts';

/** What Temporal's own pages show of a rollout: its details, and the search attributes where they changed. */
export class Visibility {
  private shown = '';

  show(loaded: LoadedPlan | null, state: RolloutState): void {
    const status = statusOf(loaded?.plan ?? null, state);
    setCurrentDetails(
      statusMarkdown(status, (ms) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')),
    );
    if (loaded === null || !loaded.searchAttributes) return;
    this.index({
      RolloutCandidate: state.candidate,
      RolloutStage: state.t0Ms === null ? 'before T0' : stageOf(loaded.plan, state).name,
      RolloutVerdict: status.verdict ?? 'none',
      RolloutOutcome: status.outcome ?? 'running',
    });
  }

  /** Each change is an event of the history. */
  private index(values: Record<SearchAttribute, string>): void {
    const shown = JSON.stringify(values);
    if (shown === this.shown) return;
    this.shown = shown;
    upsertSearchAttributes(
      Object.entries(values).map(([name, value]) => ({
        key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD),
        value,
      })),
    );
  }
}
