import { ARMS, RANKED } from '../../../domain/experiment/analysis.ts';
import type { Arm } from '../../../domain/experiment/analysis.ts';
import type { ControlState, Flags } from '../../../domain/control/state.ts';
import { LANE_HEADERS } from '../../../domain/control/http.ts';
import type { SearchResponse } from '../../../domain/control/http.ts';
import type { LaneName } from '../../../domain/control/traffic-split.ts';
import { splitPoint } from '../../../domain/control/traffic-split.ts';
import type { LaneAnswer, LaneFault } from '../proxy/lane-client.ts';
import type { Metrics } from '../metrics.ts';

/** Answers that still may get feedback; about two minutes at 150 requests/s. A click comes within seconds. */
const MOST_ANSWERS = 20_000;
/** Keys of one arm that are counted one by one. */
const MOST_KEYS = 500_000;

/** A user's part in the experiment that runs. */
export interface InArm {
  readonly experiment: string;
  readonly arm: Arm;
}

/**
 * Splits stable's users into those that are answered with the reranker and those without, and counts by arm. What it
 * knows lives as long as the experiment or this process; the reader adds up.
 */
export class ExperimentArms {
  private readonly metrics: Metrics;
  private readonly answers = new Map<string, { readonly arm: Arm; readonly ids: readonly string[] }>();
  private readonly keys: Record<Arm, Set<string>> = { on: new Set(), off: new Set() };
  private name: string | null = null;

  constructor(metrics: Metrics) {
    this.metrics = metrics;
  }

  /** The arm of a user of that lane; null without an experiment. */
  armOf({ experiment, splitVersion }: ControlState, lane: LaneName, requestKey: string): InArm | null {
    if (experiment === null || lane !== 'stable') return null;
    const off = splitPoint(splitVersion, `experiment ${experiment.name}`, requestKey) < experiment.offPercent;
    return { experiment: experiment.name, arm: off ? 'off' : 'on' };
  }

  /** Counts how a user's query went. Queries with a context alone are reranked, so only they count. */
  observe(
    { experiment, arm }: InArm,
    requestId: string,
    requestKey: string,
    kind: string,
    heard: LaneAnswer | LaneFault,
  ): void {
    if (kind !== 'context') return;
    if (experiment !== this.name) this.begin(experiment);
    const { metrics } = this;
    if (heard.kind === 'fault') {
      if (heard.why !== 'aborted') metrics.armRequests.inc({ arm, outcome: 'error' });
      return;
    }
    if (heard.status >= 400) return;
    metrics.armRequests.inc({ arm, outcome: 'ok' });
    if (this.keys[arm].size < MOST_KEYS) this.keys[arm].add(requestKey);
    this.remember(requestId, { arm, ids: idsOf(heard) });
  }

  /** Joins feedback with the answer it is about, once for each answer. Whether it was one of the experiment's. */
  recordFeedback(requestId: string, id: string): boolean {
    const answer = this.answers.get(requestId);
    if (answer === undefined) return false;
    this.answers.delete(requestId);
    const at = answer.ids.indexOf(id);
    this.metrics.armFeedback.inc({ arm: answer.arm, rank: at < 0 ? 'none' : String(at + 1) });
    return true;
  }

  /** Brings the gauges up to date, for a scrape. */
  refreshGauges(state: ControlState): void {
    const { metrics } = this;
    metrics.experiment.reset();
    if (state.experiment === null) return;
    if (state.experiment.name !== this.name) this.begin(state.experiment.name);
    metrics.experiment.set({ experiment: state.experiment.name }, 1);
    for (const arm of ARMS) metrics.armKeys.set({ arm }, this.keys[arm].size);
  }

  private begin(name: string): void {
    this.name = name;
    this.answers.clear();
    for (const arm of ARMS) this.keys[arm].clear();
    for (const metric of [this.metrics.armRequests, this.metrics.armFeedback, this.metrics.armKeys])
      metric.reset();
  }

  private remember(requestId: string, answer: { readonly arm: Arm; readonly ids: readonly string[] }): void {
    this.answers.set(requestId, answer);
    const [oldest] = this.answers.keys();
    if (this.answers.size > MOST_ANSWERS && oldest !== undefined) this.answers.delete(oldest);
  }
}

/** The flags of an arm: the lane's own but for the reranker. Null where the lane's own will do. */
export function flagsOf(inArm: InArm | null, flags: Flags | null): Flags | null {
  return inArm === null || flags === null ? null : { ...flags, reranker: inArm.arm };
}

function idsOf({ body }: LaneAnswer): string[] {
  const { results } = JSON.parse(body.toString('utf8')) as Pick<SearchResponse, 'results'>;
  return results.slice(0, RANKED).map(({ id }) => id);
}

/** The answer, with the arm that its user is in. */
export function labelled<T extends LaneAnswer>(answer: T, inArm: InArm | null): T {
  if (inArm === null) return answer;
  return {
    ...answer,
    headers: { ...answer.headers, [LANE_HEADERS.arm]: `${inArm.experiment}/${inArm.arm}` },
  };
}
