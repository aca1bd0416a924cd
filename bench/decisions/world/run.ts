import type { Plan } from '../../../domain/plan/plan.ts';
import type { Class, Kind } from './kind.ts';
import { ProductionWorld } from './production-world.ts';
import { isHeldOut } from './kinds.ts';
import { simulate } from '../../../simulation/simulate.ts';

/** How one unattended run ended: at its outcome, or at the first hold. */
export interface Run {
  readonly kind: string;
  readonly class: Class;
  readonly seed: number;
  readonly heldOut: boolean;
  readonly end: string;
  readonly reason: string;
  /** Flags were changed, and stayed so. */
  readonly degraded: boolean;
  /** From the fault's first user to the end; null where no fault was met. */
  readonly minutes: number | null;
  /** The candidate's requests that failed, or took over the runbook's 10 ms. */
  readonly harmed: number;
}

export function runKind(plan: Plan, kind: Kind, rate: number, seed: number): Run {
  const world = new ProductionWorld(rate, seed, kind);
  const { end, reason, endMs, raises } = simulate(plan, world);
  const { impl, reranker, nprobe } = world.traffic.flags;
  const t0Ms = raises[0]?.atMs;
  const { fault } = kind;
  const met = fault === null ? undefined : raises.find(({ percent }) => percent >= fault.fromPercent)?.atMs;
  const sinceMs =
    fault === null || met === undefined || t0Ms === undefined
      ? null
      : endMs - Math.max(met, t0Ms + fault.fromMs);
  return {
    kind: kind.name,
    class: kind.class,
    seed,
    heldOut: isHeldOut(kind, seed),
    end,
    reason,
    degraded: impl !== 'amn_v0' || reranker !== 'on' || nprobe !== 8,
    minutes: sinceMs === null || sinceMs < 0 ? null : sinceMs / 60_000,
    harmed: world.traffic.harmed.failed + world.traffic.harmed.slow,
  };
}
