import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ControlClient } from '../../../clients/gateway-client.ts';
import type { Deployment } from '../../../activities/rollback/deployment.ts';
import {
  createDeployment,
  embeddedDeployment,
  kubernetesDeployment,
} from '../../../activities/rollback/deployment.ts';
import type { Command } from '../../../domain/control/apply-command.ts';
import { load, traffic } from '../../support/control-commands.ts';
import { applyCommand, firstState } from '../../../domain/control/apply-command.ts';

let folder: string;
const path = process.env['PATH'];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubectl-'));
  writeFileSync(join(folder, 'kubectl'), KUBECTL);
  chmodSync(join(folder, 'kubectl'), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  process.env['PATH'] = `${folder}:${path}`;
  process.env['FAKE_KUBECTL_STATE'] = join(folder, 'state');
});
afterEach(() => {
  process.env['PATH'] = path;
  delete process.env['FAKE_KUBECTL_STATE'];
});

/** What each implementation starts from: a second revision runs after a first, or the first alone. */
const IMPLEMENTATIONS: Record<string, (revisions: 'two' | 'one') => Deployment> = {
  embedded: (revisions) => embeddedDeployment(gatewayOf(revisions)),
  kubernetes(revisions) {
    writeFileSync(join(folder, 'state'), revisions === 'two' ? 'first second' : 'first');
    return kubernetesDeployment({ deployment: 'retriever-service', namespace: 'search' });
  },
};
const WHO = { by: 'ada', reason: 'drill' };

describe.each(Object.entries(IMPLEMENTATIONS))('the deployment %s', (_name, of) => {
  const revisionOf = async (deployment: Deployment) => {
    const answer = await deployment.revision();
    if (answer.kind === 'refused') throw new Error(answer.reason);
    return answer.revision;
  };

  it('[E6] goes back to what ran before', async () => {
    const deployment = of('two');
    const from = await revisionOf(deployment);
    const undone = await deployment.undo({ from, ...WHO });
    expect(undone).toMatchObject({ kind: 'undone', revision: await revisionOf(deployment) });
    expect(await revisionOf(deployment)).not.toBe(from);
  });

  it('does so once, however often the call comes', async () => {
    const deployment = of('two');
    const from = await revisionOf(deployment);
    const first = await deployment.undo({ from, ...WHO });
    const again = await deployment.undo({ from, ...WHO });
    expect([first.kind, again.kind]).toEqual(['undone', 'undone']);
    expect(again).toMatchObject({ revision: await revisionOf(deployment) });
    expect(await revisionOf(deployment)).not.toBe(from);
  });

  it('refuses where nothing ran before', async () => {
    const deployment = of('one');
    const from = await revisionOf(deployment);
    const refused = await deployment.undo({ from, ...WHO });
    expect(refused).toMatchObject({ kind: 'refused' });
    expect(await revisionOf(deployment)).toBe(from);
  });
});

describe('kubectl', () => {
  it('is asked for the configured Deployment and namespace', async () => {
    const deployment = IMPLEMENTATIONS['kubernetes']?.('two');
    await deployment?.undo({ from: '2', ...WHO });
    const calls = readFileSync(join(folder, 'state.calls'), 'utf8');
    expect(calls).toContain('--namespace search rollout undo deployment/retriever-service\n');
    expect(calls).toContain(
      '--namespace search rollout status deployment/retriever-service --timeout=120s\n',
    );
  });

  it('that does not reach its cluster is tried again, and one that is not there is refused', async () => {
    rmSync(join(folder, 'state'), { force: true });
    const deployment = kubernetesDeployment({ deployment: 'retriever-service', namespace: null });
    await expect(deployment.revision()).rejects.toThrow('connection to the server refused');
    process.env['PATH'] = join(folder, 'nowhere');
    expect(await deployment.revision()).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('ENOENT'),
    });
  });
});

it('without a configured Deployment says how to configure one', async () => {
  const { deploymentRevision } = createDeployment({ kind: 'none' }, gatewayOf('two'));
  expect(await deploymentRevision()).toMatchObject({
    kind: 'refused',
    reason: expect.stringContaining('DEPLOYMENT=kubernetes'),
  });
});

/** The gateway's control over the real fence, with every release warm. */
function gatewayOf(revisions: 'two' | 'one'): ControlClient {
  let state = firstState({ release: 'v-1', flags: null }, 0);
  const world = { warm: ['v-1', 'v0'], killSwitch: false };
  const apply = (command: Command) => {
    state = applyCommand(state, command, 1).state;
  };
  const view = () => ({
    state,
    lanes: { stable: null, candidate: null, previous: null, spare: null },
    nowMs: 1,
    killSwitch: false,
  });
  if (revisions === 'two') {
    const commands = [load('v0'), traffic(100)];
    apply({ kind: 'change', body: { by: 'test', commands }, world });
  }
  const not = () => Promise.reject(new Error('not here'));
  return {
    view: async () => view(),
    async rollBack(body) {
      apply({ kind: 'rollback', body, world });
      return { to: body.to ?? '', epoch: state.epoch, view: view() };
    },
    change: not,
    takeEpoch: not,
    renewLease: not,
    search: not,
    searchWith: not,
  };
}

/**
 * As kubectl 1.31 does it: an undo takes the template before and makes it the newest revision, so that a second undo
 * goes forth again. The state file has the templates, oldest first.
 */
const KUBECTL = String.raw`#!/usr/bin/env node
const { appendFileSync, existsSync, readFileSync, writeFileSync } = require('node:fs');
const file = process.env.FAKE_KUBECTL_STATE;
const args = process.argv.slice(2);
appendFileSync(file + '.calls', args.join(' ') + '\n');
const fail = (text) => { console.error(text); process.exit(1); };
if (!existsSync(file)) fail('The connection to the server refused - did you specify the right host or port?');
const [number, ...templates] = /^\d/.test(readFileSync(file, 'utf8'))
  ? readFileSync(file, 'utf8').split(' ')
  : [readFileSync(file, 'utf8').split(' ').length, ...readFileSync(file, 'utf8').split(' ')];
const words = args.slice(args.indexOf('--namespace') === -1 ? 0 : 2);
if (words[0] === 'get') process.stdout.write(String(number));
else if (words[1] === 'undo') {
  if (templates.length < 2) fail('error: no rollout history found for deployment "retriever-service"');
  const before = templates.at(-2);
  writeFileSync(file, [Number(number) + 1, ...templates.filter((one) => one !== before), before].join(' '));
  console.log('deployment.apps/retriever-service rolled back');
} else if (words[1] === 'status') console.log('deployment "retriever-service" successfully rolled out');
else fail('unknown command');
`;
