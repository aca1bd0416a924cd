import { execFile } from 'node:child_process';
import { heartbeat } from '@temporalio/activity';
import type { ControlState } from '../../domain/control/state.ts';
import { releaseBefore } from '../../domain/control/rollback-target.ts';
import type {
  Revision,
  RollbackActivities,
  UndoInput,
  Undone,
} from '../../domain/contracts/rollback-activities.ts';
import type { ControlClient } from '../../clients/gateway-client.ts';

/** What runs the retriever, as far as a rollback is concerned: it knows what ran before, and goes back to it. */
export interface Deployment {
  revision(): Promise<Revision>;
  undo(input: UndoInput): Promise<Undone>;
}

export type DeploymentConfig =
  | { readonly kind: 'none' }
  | { readonly kind: 'embedded' }
  | { readonly kind: 'kubernetes'; readonly deployment: string; readonly namespace: string | null };

/** Time for the pods of the revision before. */
const ROLLED_OUT_WITHIN_S = 120;
/** Five of them in the heartbeat time-out of workflows/rollback/activities.ts. */
const BEAT_MS = 1_000;

/**
 * Why this process cannot do what that Deployment needs, with what to do; null where it can. Asked at the start: in an
 * emergency is too late to learn that there is no kubectl.
 */
export async function lackingFor({ kind }: DeploymentConfig): Promise<string | null> {
  if (kind !== 'kubernetes') return null;
  const said = await execute('kubectl', ['version', '--client']);
  return said.code === 0
    ? null
    : `DEPLOYMENT=kubernetes needs kubectl on the PATH, and it cannot be run (${said.stderr}): put it there (the image has none: build one FROM it that has), or leave DEPLOYMENT empty`;
}

/** The activities of the configured Deployment. */
export function createDeployment(config: DeploymentConfig, control: ControlClient): RollbackActivities {
  const deployment = of(config, control);
  return {
    deploymentRevision: () => heartbeating(deployment.revision()),
    undoDeployment: (input) => heartbeating(deployment.undo(input)),
  };
}

/** A cluster takes minutes; a worker that dies meanwhile is missed after seconds, since its heartbeats end. */
async function heartbeating<T>(work: Promise<T>): Promise<T> {
  const beat = setInterval(() => heartbeat(), BEAT_MS);
  try {
    return await work;
  } finally {
    clearInterval(beat);
  }
}

function of(config: DeploymentConfig, control: ControlClient): Deployment {
  switch (config.kind) {
    case 'none':
      return noDeployment();
    case 'embedded':
      return embeddedDeployment(control);
    case 'kubernetes':
      return kubernetesDeployment(config);
    default:
      return config satisfies never;
  }
}

function noDeployment(): Deployment {
  const refused = {
    kind: 'refused',
    reason:
      'no Deployment is configured for this worker: set DEPLOYMENT=kubernetes, with KUBERNETES_DEPLOYMENT and ' +
      'KUBERNETES_NAMESPACE, or roll back by the method release',
  } as const;
  return { revision: async () => refused, undo: async () => refused };
}

/** The gateway's own lanes: the release that users were moved to last stands for the revision. */
export function embeddedDeployment(control: Pick<ControlClient, 'view' | 'rollBack'>): Deployment {
  return {
    async revision() {
      return { kind: 'revision', revision: movedTo((await control.view()).state) };
    },
    async undo({ from, by, reason }) {
      const { state } = await control.view();
      const now = movedTo(state);
      if (now !== from) return { kind: 'undone', revision: now, says: `${now} runs, not ${from}` };
      const to = releaseBefore(state);
      if (to === from) return { kind: 'refused', reason: `no release ran before ${from}` };
      // A repeated attempt finds this epoch or, where it was carried out, another revision.
      await control.rollBack({ key: `${by}/undo ${from}/${state.epoch}`, by, reason, to });
      return { kind: 'undone', revision: to, says: `${from} -> ${to}` };
    },
  };
}

function movedTo({ percent, lanes: { stable, candidate } }: ControlState): string {
  return percent > 0 && candidate !== null ? candidate.release : stable.release;
}

/** `kubectl` on the PATH, with the credentials that its own environment gives it. */
export function kubernetesDeployment({
  deployment,
  namespace,
}: Pick<DeploymentConfig & { kind: 'kubernetes' }, 'deployment' | 'namespace'>): Deployment {
  const name = `deployment/${deployment}`;
  const kubectl = (...args: string[]) =>
    execute('kubectl', namespace === null ? args : ['--namespace', namespace, ...args]);
  const annotation = String.raw`jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}`;
  async function revision(): Promise<Revision> {
    const said = await kubectl('get', name, '--output', annotation);
    if (said.code === 0 && said.stdout !== '') return { kind: 'revision', revision: said.stdout };
    return refusedOrThrow(`kubectl get ${name}`, said);
  }
  return {
    revision,
    async undo({ from }) {
      const before = await revision();
      if (before.kind === 'refused') return before;
      // Undoing twice would go forth again: only the revision that was to be left is.
      if (before.revision === from) {
        const undone = await kubectl('rollout', 'undo', name);
        if (undone.code !== 0) return refusedOrThrow(`kubectl rollout undo ${name}`, undone);
      }
      const waiting = ['rollout', 'status', name, `--timeout=${ROLLED_OUT_WITHIN_S}s`];
      const arrived = await kubectl(...waiting);
      if (arrived.code !== 0) return refusedOrThrow(`kubectl rollout status ${name}`, arrived);
      const after = await revision();
      if (after.kind === 'refused') return after;
      return {
        kind: 'undone',
        revision: after.revision,
        says: `${name}: revision ${from} -> ${after.revision}`,
      };
    },
  };
}

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What no retry mends is an answer: a Deployment or a revision that is not there, or no kubectl at all. */
function refusedOrThrow(what: string, { stdout, stderr }: Said): { kind: 'refused'; reason: string } {
  const words = (stderr || stdout || 'nothing said').trim().slice(0, 500);
  if (/NotFound|not found|no rollout history|ENOENT|forbidden/i.test(words) || stderr === '')
    return { kind: 'refused', reason: `${what}: ${words}` };
  throw new Error(`${what}: ${words}`);
}

function execute(file: string, args: readonly string[]): Promise<Said> {
  const timeout = (ROLLED_OUT_WITHIN_S + 20) * 1000;
  return new Promise((resolve) => {
    execFile(file, args, { timeout }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({
        code,
        stdout: stdout.trim(),
        stderr: stderr.trim() || (error === null ? '' : error.message),
      });
    });
  });
}
