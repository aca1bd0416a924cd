import type { ServingContext } from './readings.ts';
import type { AlertMetric, MitigationName } from './rules.ts';
import type { Alert, AlertEvent } from './state.ts';
import type { Flags } from '../control/state.ts';
import type { LaneName } from '../control/traffic-split.ts';

/** What a critical alert says to the rollout that was under way when it fired. */
export interface RolloutSignal {
  readonly workflowId: string;
  /** Of the first execution: what came of a reset is meant too. */
  readonly runId: string;
  readonly signal: 'rollback' | 'hold';
}

/** The runbook's triggers of an emergency rollback. */
const ROLLBACK_TRIGGERS: readonly AlertMetric[] = ['errorRate', 'endToEndP95', 'rAt5Drop'];

/**
 * The signal for an event; null where it only pages. A rule has lasted already when it fires, so the candidate alone
 * under one of the runbook's triggers is taken back. Anything else is held: where stable is as bad, going back would not
 * help. `firing` is all that fires now.
 */
export function rolloutSignal(
  { kind, alert }: AlertEvent,
  firing: Readonly<Record<string, Alert>>,
): RolloutSignal | null {
  const { run, severity, metric, lane } = alert;
  if (kind !== 'fired' || severity !== 'critical' || run === null) return null;
  const stableToo = Object.values(firing).some(
    (other) => other.metric === metric && other.lane === 'stable' && other.severity === 'critical',
  );
  const takesBack =
    lane === 'candidate' && metric !== null && ROLLBACK_TRIGGERS.includes(metric) && !stableToo;
  return { ...run, signal: takesBack ? 'rollback' : 'hold' };
}

/** Where a mitigation is to be taken. */
export interface MitigationPlace {
  readonly service: string;
  /** Task queue of the service's worker. */
  readonly taskQueue: string;
  readonly lane: LaneName;
  readonly metric: AlertMetric | null;
  readonly scene: ServingContext | null;
}

/** What the monitor begins by itself where a rule says `how: start`. */
export type MitigationStart =
  | {
      readonly kind: 'workflow';
      readonly type: 'nprobeTuning' | 'weeklyMaintenance';
      readonly workflowId: string;
      readonly input: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'flags'; readonly lane: LaneName; readonly flags: Flags };

export const STARTABLE: readonly MitigationName[] = ['nprobeTuning', 'weeklyMaintenance', 'rerankerOff'];

/** How a mitigation is begun; null for what a person has to do, or where there is nothing to change. */
export function startOf(
  name: MitigationName,
  place: Omit<MitigationPlace, 'taskQueue'>,
): MitigationStart | null {
  const { service, lane, metric, scene } = place;
  switch (name) {
    case 'nprobeTuning': {
      const priority = metric === 'endToEndP95' || metric === 'retrievalP95' ? 'balanced' : 'accuracy';
      const input = { service, lane, priority };
      return { kind: 'workflow', type: name, workflowId: `${name}/${service}`, input };
    }
    case 'weeklyMaintenance':
      return { kind: 'workflow', type: name, workflowId: `${name}/${service}`, input: {} };
    case 'rerankerOff': {
      const flags = scene?.flags[lane] ?? null;
      return flags === null || flags.reranker === 'off'
        ? null
        : { kind: 'flags', lane, flags: { ...flags, reranker: 'off' } };
    }
    case 'rerankerExperiment':
    case 'largerNlist':
    case 'sameArticleWeight':
    case 'indexPerCollection':
    case 'restartLane':
    case 'diagnose':
      return null;
    default:
      return name satisfies never;
  }
}

/** A mitigation as a person reads it; the command, where one line does it. */
export function proposalOf(
  name: MitigationName,
  place: MitigationPlace,
): { readonly words: string; readonly command: string | null } {
  const start = startOf(name, place);
  const command =
    start === null
      ? null
      : start.kind === 'workflow'
        ? startCommand(start, place.taskQueue)
        : flagsCommand(start);
  switch (name) {
    case 'nprobeTuning':
      return { words: 'find the nprobe that fits by a sweep', command };
    case 'weeklyMaintenance':
      return {
        words: 'rebuild index and reranker on the corpus as it is now, as a new release',
        command,
      };
    case 'rerankerOff':
      return { words: 'serve without the reranker until it is retrained', command };
    case 'rerankerExperiment':
      return {
        words: 'measure the reranker on users, 10 % without and 90 % with it: workflow rerankerExperiment',
        command: null,
      };
    case 'largerNlist':
      return { words: 'build the next release with more lists, about the root of its rows', command: null };
    case 'sameArticleWeight':
      return {
        words: 'train the reranker on the grown corpus, for the context of an article to weigh more',
        command: null,
      };
    case 'indexPerCollection':
      return {
        words:
          'split the corpus: an index for each collection of articles, each a release of a service of its own',
        command: null,
      };
    case 'restartLane':
      return {
        words: `restart the ${place.lane} lane: SIGTERM drains its process, and the gateway starts it again`,
        command: null,
      };
    case 'diagnose':
      return { words: 'look at the whole stack', command: 'npx retriever diagnose' };
    default:
      return name satisfies never;
  }
}

function startCommand(
  { type, workflowId, input }: MitigationStart & { kind: 'workflow' },
  taskQueue: string,
): string {
  return `temporal workflow start --task-queue ${taskQueue} --type ${type} --workflow-id ${workflowId} --input '${JSON.stringify(input)}'`;
}

/** For the shell: the defaults are those of the worker. */
const CONTROL = '${CONTROL_URL:-http://127.0.0.1:8081}';
const TOKEN_FILE = '${CONTROL_TOKEN_FILE:-.data/run/control-token}';

function flagsCommand({ lane, flags }: MitigationStart & { kind: 'flags' }): string {
  const body = JSON.stringify({ by: 'on-call', flags: { [lane]: flags } });
  return `curl -fsS -X PUT "${CONTROL}/control" -H "authorization: Bearer $(cat "${TOKEN_FILE}")" -H 'content-type: application/json' -d '${body}'`;
}
