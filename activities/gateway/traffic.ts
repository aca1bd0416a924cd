import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { setTimeout as pause } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/activity';
import type { LaneReady, RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { LaneStatus, TakeEpoch } from '../../domain/control/state.ts';
import type { ControlClient } from '../../clients/gateway-client.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

const POLL_MS = 500;

/** What a rollout does to the gateway's traffic: all through the fence. */
export function createTraffic(
  control: ControlClient,
  served: string,
): Pick<RolloutActivities, 'control' | 'takeEpoch' | 'changeTraffic' | 'rollBackTraffic' | 'awaitLane'> {
  function refuseOthers(service = served): void {
    if (service === served) return;
    throw ApplicationFailure.nonRetryable(
      `this worker serves ${served}, not ${service}: ask on the task queue of ${service}, or without Temporal: bash scripts/rollback_retriever.sh RELEASE`,
      'WrongService',
    );
  }
  return {
    control: () => control.view(),
    async takeEpoch({ owner, key, expected, service }) {
      refuseOthers(service);
      if (expected !== undefined) return takeExpected(control, { owner, key, expected });
      // A caller that takes it from another takes users back, which a disk that is full must not keep from happening.
      const { state } = await control.view();
      const seen = { owner: state.owner, epoch: state.epoch };
      return control.takeEpoch({ owner, key, expected: seen, unsaved: 'accepted' });
    },
    changeTraffic: (change) => control.change(change),
    async rollBackTraffic({ service, ...rollback }) {
      refuseOthers(service);
      return control.rollBack(rollback);
    },
    async awaitLane({ lane, release, withinMs }) {
      const signal = cancellationSignal();
      const deadlineMs = performance.now() + withinMs;
      for (;;) {
        const seen = await laneOrReason(control, lane, signal);
        const answer = typeof seen === 'string' ? null : decided(seen, release);
        if (answer !== null) return answer;
        const words = typeof seen === 'string' ? seen : describe(seen);
        if (performance.now() >= deadlineMs)
          return { ready: false, reason: `${release} not ready after ${withinMs / 1000} s: ${words}` };
        heartbeat(words);
        await pause(POLL_MS, undefined, { signal });
      }
    },
  };
}

/** The epoch, or who has it now. */
async function takeExpected(
  control: ControlClient,
  take: TakeEpoch,
): ReturnType<RolloutActivities['takeEpoch']> {
  try {
    return await control.takeEpoch(take);
  } catch (error) {
    const view = await control.view();
    const { epoch, epochKey, owner } = view.state;
    // Not answered, and not refused: it is tried again.
    if (epoch === take.expected.epoch || epochKey === take.key) throw error;
    return { epoch, view, lostTo: owner };
  }
}

async function laneOrReason(
  control: ControlClient,
  lane: Parameters<RolloutActivities['awaitLane']>[0]['lane'],
  signal: AbortSignal,
): Promise<LaneStatus | null | string> {
  try {
    return (await control.view(signal)).lanes[lane];
  } catch (error) {
    signal.throwIfAborted();
    return `gateway does not answer (${errorMessage(error)})`;
  }
}

/** Ready, refused for good, or null: not yet. */
function decided(status: LaneStatus | null, release: string): LaneReady | null {
  if (status === null || status.release !== release) return null;
  if (status.state === 'ready') return { ready: true, reason: `${release} is ready` };
  if (status.state === 'refused') return { ready: false, reason: status.failure ?? `${release} was refused` };
  return null;
}

function describe(status: LaneStatus | null): string {
  if (status === null) return 'the lane does not run';
  return `${status.release} is ${status.state}${status.failure === null ? '' : `: ${status.failure}`}`;
}
