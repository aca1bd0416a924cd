import type { Effect } from './effect.ts';
import type { ExperimentReason, SampleSize } from './reason.ts';

const HOUR_MS = 3_600_000;

/** The sentence for a reason. */
export function describeReason(reason: ExperimentReason): string {
  switch (reason.code) {
    case 'lifts':
      return `the reranker lifts ${formatEffect(reason.effect)}`;
    case 'lowers':
      return `the reranker lowers ${formatEffect(reason.effect)}`;
    case 'belowDetectable':
      return `the lift is proven to be below ${points(reason.detect)}, the least worth having: ${formatEffect(reason.effect)}`;
    case 'unproven':
      return `after all ${reason.effect.units} planned units nothing is proven: ${formatEffect(reason.effect)}`;
    case 'splitBroken':
      return `the split is broken: ${reason.offKeys} of ${reason.onKeys + reason.offKeys} request keys have no reranker, and the design has ${reason.offPercent} % (p ${reason.p.toPrecision(2)}): no number of the experiment can be trusted`;
    case 'hoursOver':
      return `${reason.maxHours} h are over before the ${reason.units} planned units came, and nothing is proven`;
    default:
      return describeRefusal(reason);
  }
}

type Refusal = Exclude<
  ExperimentReason,
  { readonly code: 'lifts' | 'lowers' | 'belowDetectable' | 'unproven' | 'splitBroken' | 'hoursOver' }
>;

function describeRefusal(reason: Refusal): string {
  switch (reason.code) {
    case 'stableNotReady':
      return 'stable is not ready';
    case 'candidateHasUsers':
      return `${reason.percent} % of the users are on a candidate: wait for the end of its rollout`;
    case 'rerankerOff':
      return `${reason.release} is served without reranker: switch it on first`;
    case 'otherService':
      return `this worker changes the gateway of ${reason.service}, not of ${reason.asked}`;
    case 'fenceHeld':
      return `${reason.workflowId} runs and holds the fence (epoch ${reason.epoch}); start again once it has ended`;
    case 'gatewayRefused':
    case 'callFailed':
      return reason.detail;
    case 'trafficUnknown':
      return `the traffic is not known: ${reason.detail}`;
    case 'gatewayRestarted':
      return 'the gateway was restarted while its traffic was measured; start again';
    case 'noFeedback':
      return `in ${(reason.tookMs / 60_000).toFixed(0)} min came ${reason.requests} queries and ${reason.feedback} feedback: ${reason.metric} cannot be measured`;
    case 'sampleTooLarge':
      return `${describeSampleSize(reason.sample)}, and there are ${reason.maxHours} h`;
    case 'lanesTaken':
      return `another owner took the lanes (epoch ${reason.epoch}, experiment ${reason.experiment ?? 'none'}): the arms ended`;
    case 'stopped':
      return `signal ${reason.signal}`;
    case 'cancelled':
      return 'the workflow was cancelled';
    default:
      return reason satisfies never;
  }
}

/** How many units an experiment needs, and how long they take. */
export function describeSampleSize({ design, expectedMs, unitsPerHour }: SampleSize): string {
  const { metric, detect, offPercent, units } = design;
  const unit = metric === 'clickThrough' ? 'requests' : 'requests with feedback';
  return `${units} ${unit} are needed to find a lift of ${points(detect)} in ${metric} with ${offPercent} % without reranker: ${(expectedMs / HOUR_MS).toFixed(1)} h at ${unitsPerHour.toFixed(0)} an hour`;
}

/** An effect as a person reads it. */
export function formatEffect({ metric, on, off, lift, interval, units }: Effect): string {
  if (on === null || off === null || lift === null) return `${metric}: no units in one arm`;
  const between = interval === null ? '' : ` (${points(interval.low)} to ${points(interval.high)})`;
  return `${metric} by ${points(lift)}${between}: ${on.toFixed(3)} with it, ${off.toFixed(3)} without, ${units} units`;
}

function points(share: number): string {
  return `${(100 * share).toFixed(1)} points`;
}
