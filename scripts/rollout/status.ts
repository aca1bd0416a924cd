import { sayBlastRadius } from '../../domain/rollout/impact.ts';
import type { ToolResult } from '../tool/tool.ts';
import { command } from '../tool/tool.ts';
import { service } from './options.ts';
import type { Seen } from './temporal.ts';
import { lookAt, rolloutId, withTemporal } from './temporal.ts';
import { statusLines } from './words.ts';

export const status = command({
  name: 'rollout status',
  summary: 'where the latest rollout of a service stands; met where it could be asked.',
  options: { service },
  run: ({ service: of }) => withTemporal(async (client) => seenResult(await lookAt(client, of), of)),
});

/** What was seen, for a person and as JSON. */
export function seenResult(seen: Seen, of: string): ToolResult {
  switch (seen.kind) {
    case 'none':
      return { met: false, lines: [`there is no ${rolloutId(of)}`], result: { ...seen } };
    case 'status':
      return { met: true, lines: statusLines(seen.status, Date.now()), result: { ...seen.status } };
    case 'unanswered':
      return {
        met: false,
        lines: [
          `a rollout is under way, but no worker answers for it (${seen.reason})`,
          'start a worker; until then the lease takes a share below 100 % back to 0 by itself',
        ],
        result: { ...seen },
      };
    case 'ended':
      return {
        met: true,
        lines: [
          `${seen.candidate}: ${seen.outcome}: ${seen.reason}`,
          ...(seen.blastRadius ? [`blast radius   ${sayBlastRadius(seen.blastRadius)}`] : []),
        ],
        result: { ...seen },
      };
    case 'failed':
      return { met: false, lines: [`it ended without an outcome: ${seen.reason}`], result: { ...seen } };
    default:
      return seen satisfies never;
  }
}
