/**
 * What rollback_retriever.sh runs: `rollback.ts RELEASE [--dry-run]`. Needs the gateway alone, neither Temporal nor a
 * worker. A dry run loads the release in the spare lane, asks it its probes and ends it: users notice nothing.
 */
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { LoadLane } from '../domain/control/change.ts';
import type { ControlView } from '../domain/control/state.ts';
import { NAME_RULE, isName } from '../domain/core/name.ts';
import type { Probe } from '../retrieval/evaluation/probe-check.ts';
import { checkProbes } from '../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../retrieval/evaluation/set.ts';
import { GatewayRefusal, createGatewayClient, gatewayFromEnv } from '../devstack/gateway-client.ts';
import { operatorName } from './tool/operator.ts';
import { releasesFolder } from './tool/places.ts';
import { prepareProcess } from './tool/process.ts';
import { settingsOrUsage } from './tool/usage.ts';

const USAGE = `usage: scripts/rollback_retriever.sh RELEASE [--dry-run]
Takes all users back to a release, without Temporal and without a worker. CONTROL_URL says where the gateway's control
listener is, CONTROL_TOKEN or CONTROL_TOKEN_FILE has its token, RELEASES_DIR the releases. Ends with 0 where it is proven,
1 where it is not yet, 2 for wrong use (nothing was changed).`;
const WITHIN_MS = 60_000;
const POLL_MS = 200;
const READ_WITHIN_MS = 10_000;

prepareProcess();
const { releasesDir, gateway } = settingsOrUsage(USAGE, () => ({
  releasesDir: releasesFolder(),
  gateway: createGatewayClient(gatewayFromEnv(process.env)),
}));
const by = `rollback_retriever.sh/${operatorName()}`;
const startedMs = Date.now();
/** A file was not read in time, and may never be. */
let hangs = false;

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 1;
});
// Node waits for a read that hangs before it ends, whatever the signal.
if (hangs) process.kill(process.pid, 'SIGKILL');

async function main(): Promise<number> {
  if (process.argv.includes('--help')) {
    console.log(USAGE);
    return 0;
  }
  const args = readArgs();
  if ('problem' in args) {
    console.error(`${args.problem}\n${USAGE}`);
    return 2;
  }
  try {
    return await (args.dryRun ? dryRun(args.release) : rollBack(args.release));
  } catch (error) {
    if (!(error instanceof GatewayRefusal) || error.status !== 422) throw error;
    const known = await within(readdir(releasesDir)).catch((): string[] => []);
    console.error(`${error.message}; ${releasesDir} has: ${known.toSorted().join(', ') || 'none'}`);
    return 2;
  }
}

function readArgs(): { readonly release: string; readonly dryRun: boolean } | { readonly problem: string } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { 'dry-run': { type: 'boolean', default: false } },
    });
    const [release, ...more] = positionals;
    if (release === undefined || more.length > 0) return { problem: 'RELEASE: one name is needed' };
    if (!isName(release)) return { problem: `RELEASE: ${NAME_RULE}, not ${JSON.stringify(release)}` };
    return { release, dryRun: values['dry-run'] };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Traffic first: nothing that is only for the proof may keep users where they are. */
async function rollBack(release: string): Promise<number> {
  const unsaved = await gateway
    .rollBack({ key: `${by}/${randomUUID()}`, by, reason: 'emergency rollback', to: release })
    .then(() => null, inForceOrThrow);
  const arrived = await waitFor(({ state, lanes }) => {
    const { stable } = state.lanes;
    return stable.release === release && state.percent === 0 && lanes.stable?.state === 'ready';
  });
  console.log(`users are on ${release} after ${Date.now() - startedMs} ms; now: ${describe(arrived)}`);
  const { verified, reason } = await prove(release, (probe) => gateway.askAsUser(probe, release));
  console.log(
    `${verified ? 'verified' : 'users are back, NOT verified'}: ${reason} (${Date.now() - startedMs} ms in all)`,
  );
  if (unsaved !== null) console.log(`users are back, NOT kept: ${unsaved}`);
  return verified && unsaved === null ? 0 : 1;
}

/** Why a change that is in force may be forgotten. */
function inForceOrThrow(error: unknown): string {
  if (error instanceof GatewayRefusal && error.inForce) return error.message;
  throw error;
}

/** Version and probes, from what is on this machine; what can not be read or asked is a reason and no error. */
async function prove(
  release: string,
  ask: (probe: Probe) => Promise<string[]>,
): Promise<{ readonly verified: boolean; readonly reason: string }> {
  try {
    const { version } = await gateway.health();
    if (version !== release) return { verified: false, reason: `/health says ${version}` };
    const { verified, reason } = await checkProbes(await probesOf(release), ask);
    return { verified, reason: `/health says ${version}; ${reason}` };
  } catch (error) {
    return { verified: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

async function probesOf(release: string): Promise<readonly Probe[]> {
  const folder = join(releasesDir, release);
  return within(loadProbes(folder)).catch((error: unknown) => {
    throw new Error(`${folder}: ${error instanceof Error ? error.message : String(error)}`);
  });
}

/** A share that hangs is not waited for. */
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

async function dryRun(release: string): Promise<number> {
  const { state } = await gateway.control();
  if (state.restoring !== null) throw new Error(`not now: the spare lane restores ${state.restoring}`);
  await gateway.change({ by, reason: 'rollback dry run', commands: [spareLane(release)] });
  try {
    await waitFor(({ lanes: { spare } }) => {
      if (spare?.state === 'refused') throw new Error(`${release} was refused: ${spare.failure}`);
      return spare?.release === release && spare.state === 'ready';
    });
    const checked = await checkProbes(await probesOf(release), (probe) => gateway.askLane('spare', probe));
    const took = `${Date.now() - startedMs} ms`;
    console.log(
      `dry run ${checked.verified ? 'passed' : 'FAILED'}: spare lane with ${release}, ${checked.reason} (${took})`,
    );
    return checked.verified ? 0 : 1;
  } finally {
    await gateway.change({ by, reason: 'end of the rollback dry run', commands: [spareLane(null)] });
  }
}

function spareLane(release: string | null): LoadLane {
  return { kind: 'loadLane', lane: 'spare', release };
}

async function waitFor(arrived: (view: ControlView) => boolean): Promise<ControlView> {
  for (;;) {
    const view = await gateway.control();
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
