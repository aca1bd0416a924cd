import type { Service, ServiceSpec, Setting } from '../http/services.ts';
import type { LoadGenerator } from '../load/generator.ts';
import { median } from '../quantiles.ts';
import type { Memory } from './process-memory.ts';
import { groupMemory } from './process-memory.ts';

/** A service, or several of the same beside each other. */
export interface MemorySubject {
  readonly name: string;
  readonly spec: ServiceSpec;
  readonly count: number;
}

/** Medians of the rounds. */
export interface MemoryRow extends Memory {
  readonly subject: string;
  /** From the command to the readiness to answer, of the first of them, which starts alone. */
  readonly startedInMs: number;
}

/** Requests that each process has answered when its memory is read: a fresh heap would flatter. */
const LOAD = { body: 'json', rate: 300, warmUpSeconds: 0, seconds: 4, seed: 1 } as const;

/** Starts every subject in each round, loads it, reads its memory and stops it. */
export async function measureMemory(
  subjects: readonly MemorySubject[],
  setting: Setting,
  generator: LoadGenerator,
  rounds: number,
): Promise<MemoryRow[]> {
  const measured = new Map<MemorySubject, Omit<MemoryRow, 'subject'>[]>();
  for (let round = 0; round < rounds; round++) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      const row = await measureOnce(subject, setting, generator);
      measured.set(subject, [...(measured.get(subject) ?? []), row]);
    }
  }
  return subjects.map((subject) => {
    const rows = measured.get(subject) ?? [];
    const middle = (field: keyof Omit<MemoryRow, 'subject'>) => median(rows.map((row) => row[field]));
    return {
      subject: subject.name,
      processes: middle('processes'),
      pssMb: middle('pssMb'),
      rssMb: middle('rssMb'),
      startedInMs: middle('startedInMs'),
    };
  });
}

async function measureOnce({ spec, count }: MemorySubject, setting: Setting, generator: LoadGenerator) {
  const services: Service[] = [];
  for (let i = 0; i < count; i++) services.push(await spec.start(setting));
  for (const { url } of services) await generator.open({ ...LOAD, url });
  const total = { pssMb: 0, rssMb: 0, processes: 0 };
  for (const { pid } of services) {
    const memory = await groupMemory(pid);
    total.pssMb += memory.pssMb;
    total.rssMb += memory.rssMb;
    total.processes += memory.processes;
  }
  for (const service of services) await service.stop();
  return { ...total, startedInMs: services[0]?.startedInMs ?? NaN };
}
