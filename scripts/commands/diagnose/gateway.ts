import type { AnyLane, ControlView, LaneStatus } from '../../../domain/control/state.ts';
import type { Health } from '../../../domain/control/http.ts';
import { formatFlags } from '../../../domain/control/http.ts';
import type { Sample } from '../../../domain/metrics/prometheus-text.ts';
import { valueOf } from '../../../domain/metrics/samples.ts';
import { scrape } from '../../../clients/scrape.ts';
import type { GatewayClient } from '../../../clients/gateway-client.ts';
import type { Finding } from './finding.ts';
import { note, ok, skipped, wordsOf, wrong } from './finding.ts';

/** Restarts that are no accident any more. */
const MANY_RESTARTS = 3;
/** Runbook, risk 3: the norms that encoding and indexing hold. */
const NORM_ERROR = 1e-5;
/** Runbook, risk 4: a list ten times as long as the others. */
const HOTSPOT = 10;
/** Runbook, T+24h: growth that asks for another nlist. */
const GROWTH = 0.1;
const LANES: readonly AnyLane[] = ['stable', 'candidate', 'previous', 'spare'];

/** The gateway, its lanes, and the index that each of them serves. */
export async function gatewayFindings(gateway: GatewayClient): Promise<Finding[]> {
  const health = await gateway
    .health()
    .then(healthFindings, (error: unknown) => [
      wrong(
        'gateway',
        `does not answer: ${wordsOf(error)}`,
        'users have no service: start it; it comes back with the split that it had',
      ),
    ]);
  const control = await gateway.view().then(
    async (view) => [...controlFindings(view), ...(await laneFindings(view))],
    (error: unknown) => [
      wrong(
        'control',
        `does not answer: ${wordsOf(error)}`,
        'without it nothing can be rolled back; look at CONTROL_URL, CONTROL_TOKEN_FILE and the gateway itself',
      ),
      skipped('lanes', 'not known without the control listener'),
    ],
  );
  return [...health, ...control];
}

function healthFindings(health: Health): Finding[] {
  const unsaved = wrong(
    'gateway state',
    'what is in force is not on disk: a restart would forget it, and no raise passes',
    "make room on the disk of its STATE_DIR, or make that writable; it is written by itself then; the gateway's log says what failed",
  );
  const unwatched = wrong(
    'guard',
    `nobody watches ${health.releases.candidate ?? 'the candidate'}, which has ${health.percent} % of the users`,
    'see below whether worker and Temporal run; where the rollout has ended: bash scripts/rollback_retriever.sh RELEASE',
  );
  const parts = (['ingest', 'encode', 'search', 'rerank'] as const).filter((part) => !health[part].ok);
  const says = `users get ${health.version}, ${health.percent} % on ${health.releases.candidate ?? 'no candidate'}`;
  return [
    parts.length === 0
      ? ok('gateway', says)
      : wrong(
          'gateway',
          `${says}; not well: ${parts.join(', ')}`,
          "look at the lanes below, and at the gateway's log",
        ),
    ...(health.state.ok ? [] : [unsaved]),
    ...(health.holder.ok ? [] : [unwatched]),
  ];
}

function controlFindings({ state, killSwitch, nowMs }: ControlView): Finding[] {
  const { lastIntervention: last, restoring, promoting } = state;
  return [
    killSwitch
      ? note(
          'control',
          'CANARY_PERCENT=0 is set: no raise passes',
          'unset it in the environment of the gateway',
        )
      : ok('control', `epoch ${state.epoch} of ${state.owner || 'nobody'}`),
    ...(restoring === null
      ? []
      : [
          wrong('control', `users wait for ${restoring} to be loaded`, 'see why its spare lane is not ready'),
        ]),
    ...(promoting === null ? [] : [note('control', 'a promotion is being finished')]),
    ...(last === null || nowMs - last.atMs > 24 * 3_600_000
      ? []
      : [note('control', `changed without the epoch's holder: ${last.by}: ${last.what}`)]),
  ];
}

async function laneFindings({ lanes }: ControlView): Promise<Finding[]> {
  const there = LANES.flatMap((lane) => {
    const status = lanes[lane];
    return status === null ? [] : [{ lane, status }];
  });
  const found = await Promise.all(
    there.map(async ({ lane, status }) => [
      laneFinding(`lane ${lane}`, status),
      ...(await indexFindings(`index ${lane}`, status)),
    ]),
  );
  return found.flat();
}

function laneFinding(
  part: string,
  { release, state, restarts, breaker, failure, flags }: LaneStatus,
): Finding {
  const words = failure === null ? '' : `; it said: ${failure}`;
  const says = `${release} is ${state}, ${formatFlags(flags)}, ${restarts} restarts${words}`;
  if (state === 'refused')
    return wrong(
      part,
      says,
      'the release itself is wrong: npx retriever release freeze --release DIR names the file; roll back',
    );
  if (state === 'down')
    return wrong(part, says, "it is started again with backoff; the gateway's log has its last words");
  if (breaker === 'open')
    return wrong(
      part,
      `${says}; its breaker is open`,
      'it fails or is too slow, and is asked again by itself; roll back if it is the candidate',
    );
  if (restarts >= MANY_RESTARTS)
    return wrong(part, says, "it dies again and again: the gateway's log says of what");
  return state === 'starting' ? note(part, says) : ok(part, says);
}

async function indexFindings(part: string, { url, release }: LaneStatus): Promise<Finding[]> {
  if (url === null) return [skipped(part, `${release} has no address yet`)];
  try {
    return healthOfIndex(part, release, await scrape(url));
  } catch (error) {
    return [
      wrong(
        part,
        `${url}/metrics does not answer: ${wordsOf(error)}`,
        'the lane hangs or has just ended; look again',
      ),
    ];
  }
}

function healthOfIndex(part: string, release: string, samples: readonly Sample[]): Finding[] {
  const value = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    valueOf(samples, name, labels);
  const rows = value('retriever_index_rows');
  const norm = value('retriever_index_mean_norm');
  const imbalance = value('retriever_index_imbalance');
  const [median, longest] = ['0.5', '1'].map((share) => value('retriever_index_list_rows', { share }));
  const put = value('retriever_ingested', { outcome: 'put' }) ?? 0;
  if (rows === null || norm === null)
    return [wrong(part, 'its metrics lack rows or norms', 'a lane of another version?')];
  const says = `${rows.toLocaleString('en')} rows of ${release}, mean norm ${norm.toFixed(6)}, imbalance ${imbalance?.toFixed(2) ?? 'not known'}`;
  const findings = [
    Math.abs(norm - 1) <= NORM_ERROR
      ? ok(part, says)
      : wrong(
          part,
          says,
          'rows are not normalised (risk 3): npx retriever index check-norms names them; do not ship it',
        ),
  ];
  if (median && longest && longest > HOTSPOT * median)
    findings.push(
      note(
        part,
        `its longest list has ${longest} rows, the median ${median}`,
        'rebuild with several restarts of k-means (risk 4)',
      ),
    );
  if (rows > 0 && put > GROWTH * (rows - put))
    findings.push(
      note(
        part,
        `${put} rows were ingested: it grew by ${((100 * put) / (rows - put)).toFixed(0)} %`,
        'weekly maintenance builds an index with more lists',
      ),
    );
  return findings;
}
