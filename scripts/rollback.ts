/**
 * What rollback_retriever.sh runs: `rollback.ts RELEASE [--dry-run]`. Needs the gateway alone, neither Temporal nor a
 * worker. A dry run loads the release in the spare lane, asks it its probes and ends it: users notice nothing.
 */
import { readdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ControlView } from '../domain/control.ts';
import type { Probe } from '../retrieval/evaluation/probe-check.ts';
import { checkProbes } from '../retrieval/evaluation/probe-check.ts';
import { loadProbes } from '../retrieval/evaluation/set.ts';
import { createGatewayClient, gatewayFromEnv } from './stack/gateway-client.ts';

const USAGE = 'usage: scripts/rollback_retriever.sh RELEASE [--dry-run]';
const WITHIN_MS = 60_000;
const POLL_MS = 200;

const releasesDir = process.env['RELEASES_DIR'] ?? 'artifacts/releases';
const gateway = createGatewayClient(gatewayFromEnv(process.env));
const by = `rollback_retriever.sh/${userInfo().username}`;
const startedMs = Date.now();

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 1;
});

async function main(): Promise<number> {
  const args = readArgs();
  const known = (await readdir(releasesDir).catch((): string[] => [])).toSorted();
  if (args === null || !known.includes(args.release)) {
    const unknown =
      args &&
      `there is no release ${args.release} in ${releasesDir}; there are: ${known.join(', ') || 'none'}`;
    console.error(unknown ?? USAGE);
    return 2;
  }
  const probes = await loadProbes(join(releasesDir, args.release));
  return args.dryRun ? dryRun(args.release, probes) : rollBack(args.release, probes);
}

function readArgs(): { release: string; dryRun: boolean } | null {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { 'dry-run': { type: 'boolean', default: false } },
    });
    const [release, ...more] = positionals;
    return release === undefined || more.length > 0 ? null : { release, dryRun: values['dry-run'] };
  } catch {
    return null;
  }
}

async function rollBack(release: string, probes: readonly Probe[]): Promise<number> {
  const before = await gateway.control();
  await gateway.change({ by, reason: 'emergency rollback', rollbackTo: release });
  console.log(`asked for ${release}; before: ${describe(before)}`);
  const arrived = await waitFor(({ state, lanes }) => {
    const { stable } = state.lanes;
    return stable.release === release && state.percent === 0 && lanes.stable?.state === 'ready';
  });
  console.log(`users are on ${release} after ${Date.now() - startedMs} ms; now: ${describe(arrived)}`);
  const { version } = await gateway.health();
  const checked = await checkProbes(probes, (probe) => gateway.askAsUser(probe, release));
  const verified = checked.verified && version === release;
  console.log(`/health says ${version}`);
  console.log(
    `${verified ? 'verified' : 'NOT verified'}: ${checked.reason} (${Date.now() - startedMs} ms in all)`,
  );
  return verified ? 0 : 1;
}

async function dryRun(release: string, probes: readonly Probe[]): Promise<number> {
  const { state } = await gateway.control();
  if (state.restoring !== null) throw new Error(`not now: the spare lane restores ${state.restoring}`);
  await gateway.change({ by, reason: 'rollback dry run', lanes: { spare: release } });
  try {
    await waitFor(({ lanes: { spare } }) => {
      if (spare?.state === 'refused') throw new Error(`${release} was refused: ${spare.failure}`);
      return spare?.release === release && spare.state === 'ready';
    });
    const checked = await checkProbes(probes, (probe) => gateway.askLane('spare', probe));
    const took = `${Date.now() - startedMs} ms`;
    console.log(
      `dry run ${checked.verified ? 'passed' : 'FAILED'}: spare lane with ${release}, ${checked.reason} (${took})`,
    );
    return checked.verified ? 0 : 1;
  } finally {
    await gateway.change({ by, reason: 'end of the rollback dry run', lanes: { spare: null } });
  }
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
