import type { ReleaseQuality } from '../core/release-quality.ts';
import type { LaneName } from '../control/traffic-split.ts';
import type { Snapshot } from '../metrics/snapshot.ts';
import type { GuardRules, Plan, Trigger } from '../plan/plan.ts';
import type { BadShare } from '../rules/bad-share.ts';
import { badShare, shareVerdict } from '../rules/bad-share.ts';
import type { CounterSample } from '../rules/counter-sample.ts';
import { isDown, openingOf } from '../rules/counter-sample.ts';
import type { RuleSeries, RuleTiming, RuleVerdict } from '../rules/series.ts';
import { ruleStep } from '../rules/series.ts';

interface TriggerContext {
  readonly plan: Plan;
  readonly candidateQuality: ReleaseQuality | null;
  readonly stableQuality: ReleaseQuality | null;
}

/** What a trigger sees of a lane over its look-back; `down` where the lane answers nobody, null without data. */
export type TriggerReading = BadShare | 'down' | null;

/** The reading that ends with the newest sample, which is one of the snapshot. */
export function triggerReading(
  { metric, over, overMs }: Trigger,
  lane: LaneName,
  { lanes }: Snapshot,
  samples: readonly CounterSample[],
  context: TriggerContext,
  nowMs: number,
): TriggerReading {
  const now = lanes[lane];
  if (now === null) return null;
  if (metric === 'errorRate' && isDown(now, context.plan.guard.notReadyMs)) return 'down';
  const opening = openingOf(overMs, lane, now.release, samples, nowMs);
  if (opening === null) return null;
  const quality = lane === 'candidate' ? context.candidateQuality : context.stableQuality;
  const expectedShare = quality?.release === now.release ? quality.expectedShare : null;
  return badShare(metric, over, opening, now, expectedShare);
}

/** One more poll of a trigger on a lane. */
export function triggerStep(
  before: RuleSeries | null,
  trigger: Trigger,
  reading: TriggerReading,
  rules: GuardRules,
  nowMs: number,
): RuleSeries {
  return ruleStep(before, verdictOf(reading, trigger), timingOf(trigger, rules), nowMs);
}

function verdictOf(reading: TriggerReading, { minSamples }: Trigger): RuleVerdict {
  if (reading === null) return 'inconclusive';
  return reading === 'down' ? 'fail' : shareVerdict(reading, minSamples);
}

/** All triggers look back as far as the longest of them: what has begun is over when none of those polls fails. */
function timingOf({ forMs, polls }: Trigger, { pollMs, triggers }: GuardRules): RuleTiming {
  const longest = triggers.map((trigger) => Math.max(trigger.forMs, trigger.polls * pollMs * 2));
  return { pollMs, forMs, polls, keepFiringForMs: forMs, historyMs: Math.max(0, ...longest) };
}
