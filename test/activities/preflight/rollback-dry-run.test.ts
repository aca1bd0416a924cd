import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rollbackDryRun } from '../../../activities/preflight/processes.ts';
import type { ControlView } from '../../../domain/control/state.ts';
import { ROOT } from '../../../platform/node-command.ts';
import { releasesFolder, smallRelease } from '../../fixtures/releases.ts';
import type { TestGateway } from '../../support/gateway-process.ts';
import { createTestGateway } from '../../support/gateway-process.ts';

const SCRIPT = join(ROOT, 'scripts/rollback_retriever.sh');

let releases = '';
let gateway: TestGateway;
beforeAll(async () => {
  releases = await releasesFolder(await smallRelease('v-1'), await smallRelease('damaged'));
  rmSync(join(releases, 'damaged/p_ivf.faiss'));
  gateway = await createTestGateway(releases);
  await gateway.start();
}, 300_000);
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
});

const view = async (): Promise<ControlView> => (await gateway.control('GET', '/control')).body;

/** What pre-flight says of the operator's script when it goes back to that release. */
async function dryRun(release: string, env: Record<string, string> = {}) {
  const where = {
    GATEWAY_URL: gateway.url(),
    CONTROL_URL: gateway.controlUrl(),
    CONTROL_TOKEN_FILE: join(gateway.folder, 'token'),
    RELEASES_DIR: releases,
  };
  const [row] = await rollbackDryRun(SCRIPT, release, { ...where, ...env }, AbortSignal.timeout(90_000));
  return row;
}

describe("pre-flight's try of the rollback script", () => {
  it('[P5.2] passes where the script brings the release up and its probes answer, and users notice nothing', async () => {
    const { state: before } = await view();
    expect(await dryRun('v-1')).toEqual({
      name: 'rollback dry run',
      verdict: 'pass',
      reason: expect.stringMatching(/^dry run passed: spare lane with v-1, (\d+) of \1 probes/),
    });
    const { state } = await view();
    expect([state.lanes, state.percent]).toEqual([before.lanes, before.percent]);
  });

  it.each<[string, string, Record<string, string>, RegExp]>([
    ['[P5.2] the release cannot be served', 'damaged', {}, /damaged was refused: .*p_ivf\.faiss/],
    ['the release is not there', 'v-2', {}, /there is no release v-2/],
    [
      'the gateway does not answer',
      'v-1',
      { CONTROL_URL: 'http://127.0.0.1:1' },
      /^the gateway.s control listener does not answer at http:\/\/127\.0\.0\.1:1 /,
    ],
  ])('fails where %s', async (_what, release, env, reason) => {
    expect(await dryRun(release, env)).toEqual({
      name: 'rollback dry run',
      verdict: 'fail',
      reason: expect.stringMatching(reason),
    });
    expect((await view()).state.lanes.spare).toBeNull();
  });
});
