import { randomUUID } from 'node:crypto';
import type { LaneName } from '../../../domain/control/traffic-split.ts';
import { LANE_HEADERS } from '../../../domain/control/http.ts';
import type { SearchResponse } from '../../../domain/control/http.ts';
import { NEWEST_SPLIT, splitPoint } from '../../../domain/control/traffic-split.ts';
import { OVERLAP_DEPTH } from '../../../domain/metrics/snapshot.ts';
import { exchangeOf } from '../proxy/lane-client.ts';
import type { ControlPlane } from '../control/control-plane.ts';
import { exchange } from '../proxy/http-exchange.ts';
import type { GatewayResponse, UserRequest } from '../proxy/gateway.ts';
import type { Lanes } from '../lanes/lanes.ts';
import type { Metrics } from '../metrics.ts';

export interface ShadowDeps {
  readonly control: Pick<ControlPlane, 'state'>;
  readonly lanes: Lanes;
  readonly metrics: Pick<Metrics, 'shadow' | 'shadowHits' | 'shadowOverlap'>;
  readonly deadlineMs: number;
  readonly onFault: (error: unknown) => void;
}

/** So many comparisons at a time: what comes meanwhile is dropped, so nothing queues up behind users. */
const MOST_UNDER_WAY = 2;
/** While more users than this wait for an answer, nothing is shadowed. */
const MOST_USERS_WAITING = 4;
/** Percent of the shadowed queries that stable is asked again, for the noise floor. */
const SELF_PERCENT = 25;

/** What of an answer is compared. */
interface Half {
  readonly release: string | undefined;
  readonly hit: boolean;
  /** Best first, ten at most. */
  readonly ids: readonly string[];
}

type ServedAnswer = Extract<GatewayResponse, { kind: 'answer' }>;

/** The releases that a comparison began with. */
interface Pair {
  readonly release: string;
  readonly against: string;
}

/**
 * Asks the lane that a user was not answered by as well, for a share of all queries, and compares the answers query by
 * query. Off the users' path: after their answer is sent, a few at a time, and not at all while others wait. What is
 * counted here is counted nowhere else.
 */
export class Shadow {
  private readonly deps: ShadowDeps;
  /** A client may name its request ids: it must not choose by them what is compared. */
  private readonly salt = randomUUID();
  private underWay = 0;

  constructor(deps: ShadowDeps) {
    this.deps = deps;
  }

  /**
   * What to call once the user's answer is sent, with the number of users who wait then; null where this query is not
   * shadowed. Queries with a context alone are: as everywhere, they are what gates judge.
   */
  chosen(request: UserRequest, served: GatewayResponse): ((usersWaiting: number) => void) | null {
    const { percent, shadowPercent, lanes } = this.deps.control.state;
    if (shadowPercent === 0 || percent === 0 || lanes.candidate === null || request.synthetic) return null;
    if (served.kind !== 'answer' || served.status >= 400 || served.headers[LANE_HEADERS.kind] !== 'context')
      return null;
    if (splitPoint(NEWEST_SPLIT, `shadow ${this.salt}`, request.requestId) >= shadowPercent) return null;
    const pair = { release: lanes.candidate.release, against: lanes.stable.release };
    return (usersWaiting) => this.offer(pair, request, served, usersWaiting);
  }

  private offer(pair: Pair, request: UserRequest, served: ServedAnswer, usersWaiting: number): void {
    const { metrics, onFault } = this.deps;
    if (this.underWay >= MOST_UNDER_WAY || usersWaiting > MOST_USERS_WAITING) {
      metrics.shadow.inc({ release: pair.release, outcome: 'dropped' });
      return;
    }
    this.underWay++;
    void this.compare(pair, request, served)
      .catch(onFault)
      .finally(() => {
        this.underWay--;
      });
  }

  private async compare(pair: Pair, request: UserRequest, served: ServedAnswer): Promise<void> {
    const { metrics } = this.deps;
    const given = halfOf(served);
    const byCandidate = served.lane === 'candidate';
    const other = await this.ask(byCandidate ? 'stable' : 'candidate', request);
    const [stable, candidate] = byCandidate ? [other, given] : [given, other];
    // A lane that fails, or has another release by now, is the error rate's and the rollout's business.
    if (stable?.release !== pair.against || candidate?.release !== pair.release) {
      metrics.shadow.inc({ release: pair.release, outcome: 'failed' });
      return;
    }
    metrics.shadow.inc({ release: pair.release, outcome: 'compared' });
    metrics.shadowHits.inc({ ...pair, hits: whose(stable.hit, candidate.hit) });
    metrics.shadowOverlap.observe({ ...pair, with: 'candidate' }, overlapOf(stable, candidate));
    if (splitPoint(NEWEST_SPLIT, `shadow of stable ${this.salt}`, request.requestId) >= SELF_PERCENT) return;
    const again = await this.ask('stable', request);
    if (again?.release === pair.against)
      metrics.shadowOverlap.observe({ ...pair, with: 'self' }, overlapOf(stable, again));
  }

  /** Null where the lane gives no answer. A breaker neither hears of it nor lets it try: it is there for users. */
  private async ask(name: LaneName, request: UserRequest): Promise<Half | null> {
    const { control, lanes, deadlineMs } = this.deps;
    const lane = lanes.get(name);
    const pool = lane?.pool ?? null;
    if (lane === undefined || pool === null || lane.breaker.state === 'open') return null;
    try {
      const answer = await exchange(
        pool,
        exchangeOf({
          path: '/search',
          body: request.body,
          contentType: request.contentType,
          parameters: request.parameters,
          requestId: request.requestId,
          flags: lanes.flags(control.state, name),
          lane: name,
          deadlineMs,
          synthetic: true,
          client: { gone: false, onGone: null },
        }),
      );
      return answer.status < 400 ? halfOf(answer) : null;
    } catch {
      return null;
    }
  }
}

function halfOf({
  headers,
  body,
}: {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}): Half {
  const { results } = JSON.parse(body.toString('utf8')) as Pick<SearchResponse, 'results'>;
  const release = headers[LANE_HEADERS.release];
  return {
    release: typeof release === 'string' ? release : undefined,
    hit: headers[LANE_HEADERS.quality] === 'hit',
    ids: results.slice(0, OVERLAP_DEPTH).map(({ id }) => id),
  };
}

function whose(stable: boolean, candidate: boolean): 'both' | 'stable' | 'candidate' | 'none' {
  if (stable) return candidate ? 'both' : 'stable';
  return candidate ? 'candidate' : 'none';
}

/** Share of the first answer's ids that the second has, in whole tenths; 1 where the first has none. */
function overlapOf(first: Half, second: Half): number {
  const there = new Set(second.ids);
  const shared = first.ids.filter((id) => there.has(id)).length;
  return first.ids.length === 0 ? 1 : Math.round((OVERLAP_DEPTH * shared) / first.ids.length) / OVERLAP_DEPTH;
}
