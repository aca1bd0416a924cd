import type { AnyLane, ControlView } from '../../../domain/control/state.ts';
import { LANE_HEADERS } from '../../../domain/control/http.ts';
import type { Health, PartHealth } from '../../../domain/control/http.ts';
import { readTimings } from './request-metrics.ts';
import type { LaneAnswer } from '../proxy/lane-client.ts';

/** When each part of the pipeline last worked for a user. */
export class ComponentHealth {
  private readonly lastOkMs: Partial<Record<string, number>> = {};
  private readonly broken = new Set<string>();
  private readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  observe({ status, headers }: LaneAnswer): void {
    if (status >= 400) return;
    for (const part of Object.keys(readTimings(headers[LANE_HEADERS.timing])))
      this.lastOkMs[part] = this.now();
  }

  worked(part: string): void {
    this.lastOkMs[part] = this.now();
    this.broken.delete(part);
  }

  /** Until it works again. */
  failed(part: string): void {
    this.broken.add(part);
  }

  part(name: string, ok: boolean): PartHealth {
    return { ok: ok && !this.broken.has(name), lastOkMs: this.lastOkMs[name] ?? null };
  }
}

/** `GET /health`: which release users get, whether the lanes that serve them are ready, and whether a candidate is watched. */
export function healthOf(view: ControlView, health: ComponentHealth, holderMissing: boolean): Health {
  const { state, lanes } = view;
  const { stable, candidate } = state.lanes;
  const ready = (lane: AnyLane) => lanes[lane]?.state === 'ready';
  const serving = state.percent === 100 ? 'candidate' : 'stable';
  const ok = ready(serving) || ready('stable');
  return {
    version: (serving === 'candidate' ? candidate?.release : undefined) ?? stable.release,
    releases: { stable: stable.release, candidate: candidate?.release ?? null },
    percent: state.percent,
    flags: {
      stable: lanes.stable?.flags ?? { impl: 'amn_v0', reranker: 'off', nprobe: 8 },
      candidate: lanes.candidate?.flags ?? null,
    },
    lanes: {
      stable: lanes.stable?.state ?? null,
      candidate: lanes.candidate?.state ?? null,
      previous: lanes.previous?.state ?? null,
      spare: lanes.spare?.state ?? null,
    },
    // Chunks are checked and encoded by stable.
    ingest: health.part('ingest', ready('stable')),
    encode: health.part('encode', ok),
    search: health.part('search', ok),
    rerank: health.part('rerank', ok),
    state: health.part('state', true),
    holder: { ok: !holderMissing, lastOkMs: state.holderSeenMs },
  };
}
