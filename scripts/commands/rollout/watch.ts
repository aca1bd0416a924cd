import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { LoadedPlan } from '../../../domain/contracts/rollout-activities.ts';
import { planQuery } from '../../../workflows/runtime/messages.ts';
import type { CommandResult, Progress } from '../../cli/command.ts';
import { command } from '../../cli/command.ts';
import { service } from './options.ts';
import { createScreen } from './screen.ts';
import { seenResult } from './status.ts';
import type { Seen } from './temporal.ts';
import { ANSWER_MS, lookAt, rolloutId, withTemporal } from './temporal.ts';
import { errorMessage } from '../../../domain/core/error-message.ts';

const EVERY_MS = 1_000;

export const watch = command({
  example: '',
  options: { service },
  run: ({ service: of }, { stream }) => withTemporal((client) => watchToItsEnd(client, of, stream)),
});

/** Shows a rollout while it runs. */
export async function watchToItsEnd(
  client: Client,
  of: string,
  out: Progress['stream'],
): Promise<CommandResult> {
  // Nobody watches any more.
  out.once('error', () => process.exit(1));
  const screen = createScreen(out);
  let loaded: LoadedPlan | null = null;
  let troubled = '';
  for (;;) {
    const seen = await lookAt(client, of).catch((error: unknown) => lost(error));
    loaded ??= await planOf(client, of, seen);
    if (seen.kind === 'status')
      screen.show({
        clock: 'real',
        nowMs: Date.now(),
        startedMs: seen.startedMs,
        status: seen.status,
        plan: loaded?.plan ?? null,
        traffic: null,
      });
    const trouble = seen.kind === 'unanswered' ? `nobody answers for it now: ${seen.reason}` : '';
    if (trouble !== '' && trouble !== troubled) screen.note(trouble);
    troubled = trouble;
    if (isOver(seen)) {
      screen.close();
      return endOf(seen, of);
    }
    await pause(EVERY_MS);
  }
}

/** Temporal itself may be away for a while: the rollout is in its database. */
function lost(error: unknown): Seen {
  return {
    kind: 'unanswered',
    reason: errorMessage(error),
    startedMs: Date.now(),
  };
}

async function planOf(client: Client, of: string, seen: Seen): Promise<LoadedPlan | null> {
  if (seen.kind !== 'status') return null;
  const handle = client.workflow.getHandle(rolloutId(of));
  return client.withDeadline(Date.now() + ANSWER_MS, () => handle.query(planQuery)).catch((): null => null);
}

function isOver(seen: Seen): boolean {
  return seen.kind === 'status' ? seen.status.outcome !== null : seen.kind !== 'unanswered';
}

function endOf(seen: Seen, of: string): CommandResult {
  const outcome = seen.kind === 'status' ? seen.status.outcome : seen.kind === 'ended' ? seen.outcome : null;
  return { ...seenResult(seen, of), passed: outcome === 'shipped' };
}
