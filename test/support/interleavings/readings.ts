import type { LaneCounters, SnapshotResult } from '../../../domain/metrics/snapshot.ts';
import { counters, snapshot } from '../lane-traffic.ts';
import type { World } from './world.ts';
import { NEW, OLD } from './world.ts';
import type { EvaluationResult } from '../../../domain/core/evaluation-result.ts';

/** How the candidate did since the window was opened; `idle`: nobody asked it anything. */
export type Luck = 'good' | 'warn' | 'hold' | 'bad' | 'idle' | 'missing';

const FAILED: Record<Exclude<Luck, 'missing'>, number> = { good: 0, warn: 0.2, hold: 0.45, bad: 1, idle: 0 };
const REQUESTS = 1000;
const QUERIES = 1000;
const FRESH = counters({ release: NEW, requests: 0 });
const STABLE = counters({ release: OLD });

/** The gateway's counters now. The candidate counts only what its share of the users brought it. */
export function readings(world: World, luck: Luck): SnapshotResult {
  if (luck === 'missing') return { kind: 'missing', reason: 'connection refused' };
  const { percent, lanes } = world.fence;
  const before = counted(world);
  const n = percent === 0 || luck === 'idle' ? 0 : REQUESTS;
  const candidate: LaneCounters = {
    ...FRESH,
    requests: before.requests + n,
    errors: before.errors + n * FAILED[luck],
  };
  const more = { percent, processStartMs: world.process };
  return snapshot(world.nowMs, STABLE, lanes.candidate === null ? null : candidate, more);
}

/** Counters at the opening of the window under way, of the same process of the gateway. */
function counted({ driver, process }: World): Pick<LaneCounters, 'requests' | 'errors'> {
  const none = { requests: 0, errors: 0 };
  const { opening } = driver.rollout;
  if (opening?.kind !== 'snapshot' || opening.snapshot.processStartMs !== process) return none;
  return opening.snapshot.lanes.candidate ?? none;
}

/** The candidate asked labelled queries, of which this share is lost; null: it could not be asked. */
export function evaluation(world: World, lost: number | null): EvaluationResult {
  if (lost === null) return { kind: 'missing', reason: 'the lane does not answer' };
  const expected = { rAt5: 0.8, mrr: 0.6, containAt50: 0.95 };
  return {
    kind: 'evaluated',
    release: NEW,
    atMs: world.nowMs,
    queries: QUERIES,
    ...expected,
    rAt5: expected.rAt5 - lost,
    expected,
    lostAt5: QUERIES * lost,
    gainedAt5: 0,
    file: 'artifacts/eval/x.json',
  };
}
