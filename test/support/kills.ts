import { setTimeout as pause } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { Outcome } from '../../domain/rollout/state.ts';
import type { RolloutStatus } from '../../domain/rollout/status/status.ts';
import type { Traffic, World } from './world.ts';

export const PROCESSES = ['worker', 'candidate', 'gateway', 'temporal'] as const;
export type Process = (typeof PROCESSES)[number];

/** One kill -9 in a rollout, and how that ended. */
export interface Kill {
  readonly process: Process;
  /** The plan's stage, `before T0`, or `rolling back`. */
  readonly stage: string;
  readonly release: 'good' | 'bad';
  readonly outcome: Outcome | null;
  /** Whether the candidate was killed in the same rollout, by this kill or another: then users may be taken back from a good one. */
  readonly candidateKilled: boolean;
  /** Why the rollout was held, each time that a person had to say `resume`. */
  readonly held: readonly string[];
  /** Errors that users saw from this kill to the next. */
  readonly userErrors: number;
  /** Until the process answers again. */
  readonly backAfterMs: number;
  /** From a rollback's trigger to users on the old release; null where nothing was rolled back. */
  readonly safeAfterMs: number | null;
}

/** Polls without a further error, 100 ms apart, after which no request of before is left. */
const CALM_POLLS = 50;

interface Struck extends Pick<Kill, 'process' | 'stage' | 'backAfterMs'> {
  readonly errorsBefore: number;
}

export interface Campaign {
  readonly world: World;
  readonly traffic: Traffic;
  readonly candidate: string;
  readonly release: Kill['release'];
  /** The processes to choose from. */
  readonly processes: readonly Process[];
  readonly killsAtMost: number;
  /** How far into a stage a kill may come. */
  readonly withinMs: number;
  /** Uniform in 0..1. */
  readonly random: () => number;
}

/** A whole rollout, in each of whose stages a process is killed at a random moment and started again; one record for each kill. */
export async function rolloutAmongKills(campaign: Campaign): Promise<Kill[]> {
  const { world, traffic, release } = campaign;
  const rollout = await world.startRollout(campaign.candidate, 'compressed');
  const struck: Struck[] = [];
  const held: string[] = [];
  const moments = new Moments(campaign);
  while (await isRunning(rollout)) {
    const status = await world.status().catch(() => null);
    if (status?.state === 'held') await resume(rollout, status, held);
    if (status !== null && moments.isNow(stageOf(status))) {
      const blow = await strike(campaign, stageOf(status));
      if (blow !== null) struck.push(blow);
    }
    await pause(100);
  }
  const ended = await world.untilStatus('its end', ({ outcome }) => outcome !== null);
  const { outcome, safeAfterMs, verified } = ended;
  if (outcome === 'rolledBack' && verified !== true) throw new Error('the rollback is not verified');
  const errorsAtEnd = traffic.report().errors;
  const candidateKilled = struck.some(({ process }) => process === 'candidate');
  return struck.map(({ errorsBefore, ...blow }, i) => ({
    ...blow,
    release,
    outcome,
    candidateKilled,
    held,
    safeAfterMs,
    userErrors: (struck[i + 1]?.errorsBefore ?? errorsAtEnd) - errorsBefore,
  }));
}

/** When to strike: once in each stage, so long after it was first seen as chance has it. */
class Moments {
  private readonly atMs = new Map<string, number>();
  private left: number;
  private readonly campaign: Campaign;

  constructor(campaign: Campaign) {
    this.campaign = campaign;
    this.left = campaign.killsAtMost;
  }

  isNow(stage: string): boolean {
    const { random, withinMs } = this.campaign;
    // A rollback is over at once: whoever wants to see it strikes as it begins.
    const afterMs = stage === 'rolling back' ? 0 : random() * withinMs;
    const atMs = this.atMs.get(stage) ?? Date.now() + afterMs;
    this.atMs.set(stage, atMs);
    if (this.left <= 0 || Date.now() < atMs) return false;
    this.atMs.set(stage, Infinity);
    this.left--;
    return true;
  }
}

function stageOf({ state, stage }: RolloutStatus): string {
  return state === 'rolling back' ? state : (stage ?? 'before T0');
}

/** kill -9 of one of the processes, and its start, where it does not come back by itself; null where it does not run. */
async function strike(campaign: Campaign, stage: string): Promise<Struck | null> {
  const { world, traffic, random, processes } = campaign;
  const process = processes[Math.floor(random() * processes.length)] ?? 'worker';
  const errorsBefore = traffic.report().errors;
  const killedMs = Date.now();
  if (process === 'candidate') {
    if (!(await killCandidate(world))) return null;
  } else {
    await world.stack.kill(process);
    await world.stack.start(process);
  }
  const backAfterMs = Date.now() - killedMs;
  if (process === 'gateway') await untilCalm(traffic);
  return { process, stage, errorsBefore, backAfterMs };
}

/** Requests that the dead gateway had taken fail a while later: those are its errors, not the next kill's. */
async function untilCalm(traffic: Traffic): Promise<void> {
  for (let calm = 0, before = -1; calm < CALM_POLLS; await pause(100)) {
    const { errors } = traffic.report();
    calm = errors === before ? calm + 1 : 0;
    before = errors;
  }
}

/** The gateway starts it again, unless its users are gone meanwhile. */
async function killCandidate({ gateway, untilControl }: World): Promise<boolean> {
  const { candidate } = (await gateway.view()).lanes;
  if (candidate === null || candidate.pid === null || candidate.state !== 'ready') return false;
  const { pid } = candidate;
  globalThis.process.kill(pid, 'SIGKILL');
  await untilControl('the candidate is back', ({ lanes }) => {
    const now = lanes.candidate;
    return now === null || (now.state === 'ready' && now.pid !== pid);
  });
  return true;
}

async function isRunning(rollout: WorkflowHandle): Promise<boolean> {
  try {
    return (await rollout.describe()).status.name === 'RUNNING';
  } catch {
    // Temporal itself has just been killed.
    return true;
  }
}

async function resume(rollout: WorkflowHandle, { reason }: RolloutStatus, held: string[]): Promise<void> {
  if (held.at(-1) !== reason) held.push(reason);
  await rollout.signal('resume', { by: 'the test' }).catch(() => {});
}

/** Numbers in 0..1 from a seed, the same ones each time (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
