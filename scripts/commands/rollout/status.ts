import { formatBlastRadius } from '../../../domain/rollout/status/impact.ts';
import type { CommandResult } from '../../cli/command.ts';
import { command } from '../../cli/command.ts';
import { service } from './options.ts';
import type { Seen } from './temporal.ts';
import { lookAt, rolloutId, withTemporal } from './temporal.ts';
import { statusLines } from './format-status.ts';

export const status = command({
  example: '',
  options: { service },
  run: ({ service: of }) => withTemporal(async (client) => seenResult(await lookAt(client, of), of)),
});

/** What was seen, for a person and as JSON. */
export function seenResult(seen: Seen, of: string): CommandResult {
  switch (seen.kind) {
    case 'none':
      return { passed: false, lines: [`there is no ${rolloutId(of)}`], result: { ...seen } };
    case 'status':
      return { passed: true, lines: statusLines(seen.status, Date.now()), result: { ...seen.status } };
    case 'unanswered':
      return {
        passed: false,
        lines: [
          `a rollout is under way, but no worker answers for it (${seen.reason})`,
          'start a worker; until then the lease takes a share below 100 % back to 0 by itself',
        ],
        result: { ...seen },
      };
    case 'ended':
      return {
        passed: true,
        lines: [
          `${seen.candidate}: ${seen.outcome}: ${seen.reason}`,
          ...(seen.blastRadius ? [`blast radius   ${formatBlastRadius(seen.blastRadius)}`] : []),
        ],
        result: { ...seen },
      };
    case 'failed':
      return { passed: false, lines: [`it ended without an outcome: ${seen.reason}`], result: { ...seen } };
    default:
      return seen satisfies never;
  }
}
