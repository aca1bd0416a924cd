import { readFile, readdir } from 'node:fs/promises';

/** A process of a group, as /proc/<pid>/stat has it. */
export interface GroupMember {
  readonly pid: string;
  /** CPU time since its start, of all its threads. */
  readonly cpuTicks: number;
}

/** All processes of a group that run now. */
export async function groupMembers(group: number): Promise<GroupMember[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const members: GroupMember[] = [];
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    // After the command's name, which may hold anything: state, parent, group, and 9 fields on user and system time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(fields[2]) === group) members.push({ pid, cpuTicks: Number(fields[11]) + Number(fields[12]) });
  }
  return members;
}
