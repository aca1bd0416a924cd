import type { AnyLane, ControlState, ControlView, Flags } from '../../../domain/control/state.ts';
import type { LaneDeps } from './lane-process.ts';
import { LaneProcess } from './lane-process.ts';

const NAMES: readonly AnyLane[] = ['stable', 'candidate', 'previous', 'spare'];

/** The processes behind the lanes' names. A promotion or rollback gives processes other names; none is restarted for it. */
export class Lanes {
  private processes: Partial<Record<AnyLane, LaneProcess>> = {};
  private followed: ControlState | null = null;
  private readonly ending = new Set<Promise<void>>();
  private readonly deps: LaneDeps;

  constructor(deps: LaneDeps) {
    this.deps = deps;
  }

  get(name: AnyLane): LaneProcess | undefined {
    return this.processes[name];
  }

  /** Starts and ends processes until each lane of the state has one for its release. */
  follow(state: ControlState): void {
    const before = this.processes;
    const next: Partial<Record<AnyLane, LaneProcess>> = {};
    const free = new Set(Object.values(before));
    const take = (name: AnyLane, process: LaneProcess | undefined) => {
      if (process === undefined || !free.delete(process)) return;
      next[name] = process;
    };
    // First who keeps the name, then who takes it over from another lane.
    for (const name of NAMES)
      if (before[name]?.release === state.lanes[name]?.release && !this.triesAgain(name, state))
        take(name, before[name]);
    for (const name of NAMES) {
      const wanted = state.lanes[name]?.release;
      if (wanted === undefined || next[name] !== undefined) continue;
      take(
        name,
        // Of two with the same release (v-1 against v-1), the one that answers.
        [...free]
          .filter(({ release, refused }) => release === wanted && !refused)
          .toSorted((a, b) => Number(b.ready) - Number(a.ready))[0],
      );
      next[name] ??= new LaneProcess(wanted, this.deps);
    }
    this.processes = next;
    this.followed = state;
    for (const process of free) this.end(process);
  }

  /** A release that was refused is looked at again when somebody asks for it again: its files may have been mended. */
  private triesAgain(name: AnyLane, state: ControlState): boolean {
    return this.processes[name]?.refused === true && this.followed?.lanes[name] !== state.lanes[name];
  }

  /** Resolves when a lane has begun to serve, was refused, or has had its time. */
  async settled(name: AnyLane, withinMs: number): Promise<void> {
    const until = this.deps.now() + withinMs;
    const waits = (lane: LaneProcess | undefined) => lane !== undefined && !lane.ready && !lane.refused;
    while (waits(this.processes[name]) && this.deps.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Effective flags of a lane: those that were set, else its release's defaults. */
  flags(state: ControlState, name: AnyLane): Flags | null {
    return state.lanes[name]?.flags ?? this.processes[name]?.defaultFlags ?? null;
  }

  /** Releases that a lane answers for now. */
  readyReleases(): string[] {
    return Object.values(this.processes)
      .filter(({ ready }) => ready)
      .map(({ release }) => release);
  }

  statuses(state: ControlState): ControlView['lanes'] {
    const status = (name: AnyLane) => this.processes[name]?.status(state.lanes[name]?.flags ?? null) ?? null;
    return {
      stable: status('stable'),
      candidate: status('candidate'),
      previous: status('previous'),
      spare: status('spare'),
    };
  }

  async stop(): Promise<void> {
    for (const process of Object.values(this.processes)) this.end(process);
    this.processes = {};
    await Promise.all(this.ending);
  }

  private end(process: LaneProcess): void {
    const ended: Promise<void> = process.stop().finally(() => this.ending.delete(ended));
    this.ending.add(ended);
  }
}
