import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { GatewayClient } from '../../../clients/gateway-client.ts';
import { changed, createGatewayClient, gatewayFromEnv } from '../../../clients/gateway-client.ts';
import { GatewayRefusal } from '../../../clients/gateway-exchange.ts';
import type { LoadLane } from '../../../domain/control/change.ts';
import type { ControlView } from '../../../domain/control/state.ts';
import { NAME_RULE, isName } from '../../../domain/core/name.ts';
import type { Probe } from '../../../retrieval/evaluation/probe-check.ts';
import { checkProbes, probeRequest } from '../../../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../../../retrieval/evaluation/set.ts';
import type { CommandResult, Progress } from '../../cli/command.ts';
import { UsageError, command } from '../../cli/command.ts';
import { operatorName } from '../../cli/operator.ts';
import { releasesFolder } from '../../cli/paths.ts';
import { errorMessage } from '../../../domain/core/error-message.ts';

const WITHIN_MS = 60_000;
const POLL_MS = 200;
const READ_WITHIN_MS = 10_000;
/** Long enough for the result to be printed. */
const PRINTED_AFTER_MS = 100;
/** Whether a read was given up. */
let hangs = false;

/** One call of the command: what it works on, and when it began. */
interface Call {
  readonly release: string;
  readonly releasesDir: string;
  readonly gateway: GatewayClient;
  readonly by: string;
  readonly startedMs: number;
  readonly say: Progress['say'];
}

/**
 * What rollback_retriever.sh runs. CONTROL_URL names the gateway's control listener, CONTROL_TOKEN or CONTROL_TOKEN_FILE
 * holds its token, RELEASES_DIR the releases. A usage error changes nothing.
 */
export const rollback = command({
  example: 'v-1',
  options: {
    release: {
      value: 'RELEASE',
      positional: true,
      help: 'the release to take users back to; settings: CONTROL_URL, CONTROL_TOKEN or CONTROL_TOKEN_FILE, RELEASES_DIR',
      schema: z
        .string()
        .refine(isName, { error: ({ input }) => `${NAME_RULE}, not ${JSON.stringify(input)}` }),
    },
    'dry-run': {
      help: 'loads the release in the spare lane, asks it its probes and ends it: users notice nothing',
      schema: z.boolean().default(false),
    },
  },
  async run({ release, 'dry-run': dry }, { say }) {
    const releasesDir = releasesFolder();
    const gateway = createGatewayClient(gatewayFromEnv(process.env));
    const by = `rollback_retriever.sh/${operatorName()}`;
    const call = { release, releasesDir, gateway, by, startedMs: Date.now(), say };
    try {
      return await (dry ? dryRun(call) : rollBack(call));
    } catch (error) {
      if (!(error instanceof GatewayRefusal) || error.status !== 422) throw error;
      const known = await within(readdir(releasesDir)).catch((): string[] => []);
      throw new UsageError(`${error.message}; ${releasesDir} has: ${known.toSorted().join(', ') || 'none'}`);
    } finally {
      // Node waits for a read that hangs before it ends, whatever ends it but this.
      if (hangs) setTimeout(() => process.kill(process.pid, 'SIGKILL'), PRINTED_AFTER_MS);
    }
  },
});

/** Traffic first: nothing that is only for the proof may keep users where they are. */
async function rollBack(call: Call): Promise<CommandResult> {
  const { release, gateway, by, startedMs, say } = call;
  const unsaved = await gateway
    .rollBack({ key: `${by}/${randomUUID()}`, by, reason: 'emergency rollback', to: release })
    .then(() => null, inForceOrThrow);
  const arrived = await waitFor(call, ({ state, lanes }) => {
    const { stable } = state.lanes;
    return stable.release === release && state.percent === 0 && lanes.stable?.state === 'ready';
  });
  say(`users are on ${release} after ${Date.now() - startedMs} ms; now: ${describe(arrived)}`);
  const { verified, reason } = await prove(call, (probe) => gateway.askAsUser(probe, release));
  const tookMs = Date.now() - startedMs;
  return {
    passed: verified && unsaved === null,
    lines: [
      `${verified ? 'verified' : 'users are back, NOT verified'}: ${reason} (${tookMs} ms in all)`,
      ...(unsaved === null ? [] : [`users are back, NOT kept: ${unsaved}`]),
    ],
    result: { release, verified, reason, unsaved, tookMs },
  };
}

/** Why a change that is in force may be forgotten. */
function inForceOrThrow(error: unknown): string {
  if (error instanceof GatewayRefusal && error.inForce) return error.message;
  throw error;
}

/** Version and probes, from what is on this machine; what cannot be read or asked is a reason and no error. */
async function prove(
  { release, releasesDir, gateway }: Call,
  ask: (probe: Probe) => Promise<string[]>,
): Promise<{ readonly verified: boolean; readonly reason: string }> {
  try {
    const { version } = await gateway.health();
    if (version !== release) return { verified: false, reason: `/health says ${version}` };
    const { verified, reason } = await checkProbes(await probesOf(join(releasesDir, release)), ask);
    return { verified, reason: `/health says ${version}; ${reason}` };
  } catch (error) {
    return { verified: false, reason: errorMessage(error) };
  }
}

async function probesOf(folder: string): Promise<readonly Probe[]> {
  return within(loadProbes(folder)).catch((error: unknown) => {
    throw new Error(`${folder}: ${errorMessage(error)}`);
  });
}

/** Gives up a read that hangs, as on a network share. */
async function within<T>(reading: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      hangs = true;
      reject(new Error(`not read after ${READ_WITHIN_MS / 1000} s`));
    }, READ_WITHIN_MS);
  });
  return Promise.race([reading, late]).finally(() => clearTimeout(timer));
}

async function dryRun(call: Call): Promise<CommandResult> {
  const { release, releasesDir, gateway, by, startedMs } = call;
  const { state } = await gateway.view();
  if (state.restoring !== null) throw new Error(`not now: the spare lane restores ${state.restoring}`);
  changed(await gateway.change({ by, reason: 'rollback dry run', commands: [spareLane(release)] }));
  try {
    await waitFor(call, ({ lanes: { spare } }) => {
      if (spare?.state === 'refused') throw new Error(`${release} was refused: ${spare.failure}`);
      return spare?.release === release && spare.state === 'ready';
    });
    const probes = await probesOf(join(releasesDir, release));
    const { verified, reason } = await checkProbes(probes, async (probe) => {
      const { results } = await gateway.search('spare', probeRequest(probe));
      return results.map(({ id }) => id);
    });
    const tookMs = Date.now() - startedMs;
    const words = `dry run ${verified ? 'passed' : 'FAILED'}: spare lane with ${release}, ${reason} (${tookMs} ms)`;
    return { passed: verified, lines: [words], result: { release, verified, reason, tookMs } };
  } finally {
    changed(await gateway.change({ by, reason: 'end of the rollback dry run', commands: [spareLane(null)] }));
  }
}

function spareLane(release: string | null): LoadLane {
  return { kind: 'loadLane', lane: 'spare', release };
}

async function waitFor(
  { gateway, startedMs }: Call,
  arrived: (view: ControlView) => boolean,
): Promise<ControlView> {
  for (;;) {
    const view = await gateway.view();
    if (arrived(view)) return view;
    if (Date.now() - startedMs > WITHIN_MS)
      throw new Error(`not there after ${WITHIN_MS / 1000} s: ${describe(view)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function describe({ state, lanes }: ControlView): string {
  const candidate = state.lanes.candidate ? `, ${state.percent} % on ${state.lanes.candidate.release}` : '';
  const restoring = state.restoring ? `, restoring ${state.restoring}` : '';
  return `stable ${state.lanes.stable.release} (${lanes.stable?.state})${candidate}${restoring}`;
}
