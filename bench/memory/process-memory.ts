import { readFile } from 'node:fs/promises';
import { groupMembers } from '../process-group.ts';

/** Memory in MB (10^6 bytes). */
export interface Memory {
  /** Pages shared with other processes count by their share. */
  readonly pssMb: number;
  readonly rssMb: number;
  readonly processes: number;
}

const MB = 1e6;

/** Sum over all processes of a group, from /proc/<pid>/smaps_rollup; those that end meanwhile count nothing. */
export async function groupMemory(group: number): Promise<Memory> {
  const members = await groupMembers(group);
  let [pss, rss] = [0, 0];
  for (const { pid } of members) {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
    pss += bytesOf(rollup, 'Pss');
    rss += bytesOf(rollup, 'Rss');
  }
  return { pssMb: pss / MB, rssMb: rss / MB, processes: members.length };
}

function bytesOf(rollup: string, field: string): number {
  return 1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0);
}
