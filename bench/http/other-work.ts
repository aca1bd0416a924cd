import { readFile } from 'node:fs/promises';
import type { LoadStep } from '../load/question.ts';
import { groupMembers } from '../process-group.ts';

/** Linux counts CPU time in hundredths of a second. */
const TICKS_A_SECOND = 100;

interface CpuTicks {
  /** Of all cores, idle or not. */
  readonly all: number;
  readonly busy: number;
  /** Of the service and of this process. */
  readonly ours: number;
}

/**
 * Runs a load on the service whose processes form this group. Adds the share (0..1) of the machine's CPU time that was
 * spent on something else meanwhile: neighbours take it from all services alike, but not at the same moments.
 */
export async function withOtherWork(
  group: number,
  load: () => Promise<LoadStep>,
): Promise<LoadStep & { otherShare: number }> {
  const before = await cpuTicks(group);
  const beganMs = performance.now();
  const step = await load();
  const generator = step.cpuShare * ((performance.now() - beganMs) / 1000) * TICKS_A_SECOND;
  const after = await cpuTicks(group);
  const other = after.busy - before.busy - (after.ours - before.ours) - generator;
  return { ...step, otherShare: Math.max(0, other / (after.all - before.all)) };
}

async function cpuTicks(group: number): Promise<CpuTicks> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  // user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of the first two.
  const fields = line.split(/\s+/).slice(1, 9).map(Number);
  const all = fields.reduce((total, ticks) => total + ticks, 0);
  const members = await groupMembers(group);
  const { user, system } = process.cpuUsage();
  const service = members.reduce((total, { cpuTicks: ticks }) => total + ticks, 0);
  return {
    all,
    busy: all - (fields[3] ?? 0) - (fields[4] ?? 0),
    ours: service + ((user + system) / 1e6) * TICKS_A_SECOND,
  };
}
