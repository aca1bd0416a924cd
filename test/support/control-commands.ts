import type { ControlChange, LoadLane, Promote, SetFlags, SetTraffic } from '../../domain/control/change.ts';
import type { Flags } from '../../domain/control/state.ts';
import type { LaneName } from '../../domain/control/traffic-split.ts';

/** The fence's commands, as tests write them. */
export function traffic(percent: number, more: Pick<SetTraffic, 'lease' | 'shadowPercent'> = {}): SetTraffic {
  return { kind: 'setTraffic', percent, ...more };
}

export function flagsOf(lane: LaneName, flags: Flags): SetFlags {
  return { kind: 'setFlags', lane, flags };
}

export function load(release: string | null, lane: LoadLane['lane'] = 'candidate'): LoadLane {
  return { kind: 'loadLane', lane, release };
}

export function promote(previousForMs: number): Promote {
  return { kind: 'promote', previousForMs };
}

/** The share that a change sets; undefined where it sets none. */
export function percentOf({ commands }: ControlChange): number | undefined {
  return commands.flatMap((one) => (one.kind === 'setTraffic' ? [one.percent] : []))[0];
}

/** The flags that changes set, in their order. */
export function flagsSet(changes: readonly ControlChange[]): Flags[] {
  return changes.flatMap(({ commands }) =>
    commands.flatMap((one) => (one.kind === 'setFlags' ? [one.flags] : [])),
  );
}
