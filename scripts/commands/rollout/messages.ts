import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import {
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { z } from 'zod';
import type { MessageName } from '../../../domain/rollout/operator-message.ts';
import type { RolloutStatus } from '../../../domain/rollout/status/status.ts';
import { signals } from '../../../workflows/runtime/messages.ts';
import type { Command, CommandResult } from '../../cli/command.ts';
import { command } from '../../cli/command.ts';
import { by, reason, service } from './options.ts';
import { ANSWER_MS, rolloutId, withTemporal } from './temporal.ts';
import { statusLines } from './format-status.ts';

interface Note {
  readonly reason?: string;
  readonly by: string;
}

/** What became of a message; `none` where no rollout is under way. */
export type Sent = {
  readonly kind: 'accepted' | 'refused' | 'none' | 'unanswered' | 'signalled';
  readonly answer: CommandResult;
};

/** The commands that are one message each. */
export const pause = messageCommand('pause', '--reason "a look at the queries"');
export const resume = messageCommand('resume', '');
export const hold = messageCommand('hold', '--reason "a look at the queries"');
export const advance = messageCommand('advance', '--reason "quiet hours"');
export const approve = command({
  example: '--reason "the slow queries are known"',
  options: { service, reason: { ...reason, schema: z.string().min(1) }, by },
  run: ({ service: of, ...note }) => deliver('approve', of, note),
});

function messageCommand(name: Exclude<MessageName, 'rollback' | 'approve'>, example: string): Command {
  return command({
    example,
    options: { service, reason, by },
    run: ({ service: of, ...note }) => deliver(name, of, noteOf(note)),
  });
}

export function noteOf({ reason: why, by: who }: { reason: string | undefined; by: string }): Note {
  return why === undefined ? { by: who } : { reason: why, by: who };
}

async function deliver(name: MessageName, of: string, note: Note): Promise<CommandResult> {
  return (await withTemporal((client) => send(client, name, of, note))).answer;
}

/**
 * Sends a message as an update, which answers with the status or refuses in a sentence. Where no worker answers, a
 * rollback is sent as a signal as well: Temporal keeps it for the next worker.
 */
export async function send(client: Client, name: MessageName, of: string, note: Note): Promise<Sent> {
  const handle = client.workflow.getHandle(rolloutId(of));
  const failed = (kind: Sent['kind'], words: string): Sent => ({
    kind,
    answer: { passed: false, lines: [words], result: { reason: words } },
  });
  try {
    const status = await client.withDeadline(Date.now() + ANSWER_MS, () =>
      handle.executeUpdate<RolloutStatus, [unknown]>(name, { args: [note], updateId: randomUUID() }),
    );
    const lines = [`${name}: accepted`, ...statusLines(status, Date.now())];
    return { kind: 'accepted', answer: { passed: true, lines, result: { ...status } } };
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError)
      return failed('refused', `${name} is refused: ${error.cause?.message ?? error.message}`);
    if (error instanceof WorkflowNotFoundError)
      return failed('none', `there is no rollout of ${of} under way`);
    if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw error;
  }
  if (name !== 'rollback')
    return failed(
      'unanswered',
      `no worker answered within ${ANSWER_MS / 1000} s, so ${name} may not be carried out; start a worker and say it again`,
    );
  try {
    await handle.signal(signals.rollback, note);
  } catch (error) {
    // It ended while its answer was waited for.
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return failed('none', `there is no rollout of ${of} under way`);
  }
  const words =
    'no worker answers: the rollback waits in Temporal for the next one. Until then the lease takes a share below 100 % ' +
    'back by itself; at once, and without a worker: bash scripts/rollback_retriever.sh RELEASE';
  return { kind: 'signalled', answer: { passed: false, lines: [words], result: { reason: words } } };
}
