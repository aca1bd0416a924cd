import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { LoadedPlan } from '../../domain/contracts/rollout-activities.ts';
import { GUARD_SAW } from '../../domain/guard/reports.ts';
import type { MessageName } from '../../domain/rollout/operator-message.ts';
import { ALIVE_QUERY } from '../../domain/rollout/operator-message.ts';
import type { RolloutStatus } from '../../domain/rollout/status/status.ts';

/** What clients send to a rollout. Each takes an optional `{reason, by}`, and needs none. */
export const signals = {
  pause: defineSignal<[unknown?]>('pause'),
  resume: defineSignal<[unknown?]>('resume'),
  hold: defineSignal<[unknown?]>('hold'),
  rollback: defineSignal<[unknown?]>('rollback'),
  approve: defineSignal<[unknown?]>('approve'),
  advance: defineSignal<[unknown?]>('advance'),
} as const satisfies Record<MessageName, unknown>;

/** The same six as updates: they answer with the status, or are refused in a sentence where they make no sense now. */
export const updates = {
  pause: defineUpdate<RolloutStatus, [unknown?]>('pause'),
  resume: defineUpdate<RolloutStatus, [unknown?]>('resume'),
  hold: defineUpdate<RolloutStatus, [unknown?]>('hold'),
  rollback: defineUpdate<RolloutStatus, [unknown?]>('rollback'),
  approve: defineUpdate<RolloutStatus, [unknown?]>('approve'),
  advance: defineUpdate<RolloutStatus, [unknown?]>('advance'),
} as const satisfies Record<MessageName, unknown>;

/** What a rollout's guard sends it. */
export const guardSaw = defineSignal<[unknown?]>(GUARD_SAW);

/** Where the rollout stands. */
export const statusQuery = defineQuery<RolloutStatus>('status');

/** The plan that it walks, with its digest; null until it is read. */
export const planQuery = defineQuery<LoadedPlan | null>('plan');

/** A sign of life for the lease: run id of the first execution, which a reset keeps. */
export const aliveQuery = defineQuery<string>(ALIVE_QUERY);
