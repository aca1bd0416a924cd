import { readFile, readdir } from 'node:fs/promises';

/** Memory in MB (10^6 bytes). */
export interface Memory {
  /** Pages shared with other processes count by their share. */
  readonly pssMb: number;
  readonly rssMb: number;
  readonly processes: number;
}

const MB = 1e6;

/** Sum over all processes of a group, from /proc; those that end meanwhile do not count. */
export async function groupMemory(group: number): Promise<Memory> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  let [pss, rss, processes] = [0, 0, 0];
  for (const pid of pids) {
    if ((await groupOf(pid)) !== group) continue;
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
    pss += bytesOf(rollup, 'Pss');
    rss += bytesOf(rollup, 'Rss');
    processes++;
  }
  return { pssMb: pss / MB, rssMb: rss / MB, processes };
}

/** Null of a process that has ended. */
async function groupOf(pid: string): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // After the command's name, which may hold anything, come state, parent and group.
  return stat === null ? null : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
}

function bytesOf(rollup: string, field: string): number {
  return 1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0);
}
