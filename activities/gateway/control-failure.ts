import { ApplicationFailure } from '@temporalio/activity';
import type { GatewayRefusal } from '../../clients/gateway-exchange.ts';

/** What an activity throws where the control listener refuses: Temporal does not repeat what no retry can mend. */
export function controlFailure(refusal: GatewayRefusal): Error {
  return refusal.isPermanent ? ApplicationFailure.nonRetryable(refusal.message, 'ControlRefused') : refusal;
}
