import type { Payload, PayloadConverter } from '@temporalio/common';
import { defaultPayloadConverter } from '@temporalio/common';

/** Stands for a payload that could not be decoded. */
export const UNDECODABLE = 'undecodable';

/**
 * The default converter, but that it never throws on decoding: in a workflow one bad payload would fail the task for
 * ever, and a later rollback would never be heard. What can not be read becomes `undecodable`.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value, context) => defaultPayloadConverter.toPayload(value, context),
  fromPayload<T>(payload: Payload): T {
    try {
      return defaultPayloadConverter.fromPayload<T>(payload);
    } catch {
      return UNDECODABLE as T;
    }
  },
};
