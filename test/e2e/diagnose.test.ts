import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMonitor } from '../../devstack/monitor.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import { run } from '../support/command.ts';
import type { World } from '../support/world.ts';
import { startWorld } from '../support/world.ts';

interface Finding {
  readonly part: string;
  readonly state: string;
  readonly says: string;
  readonly todo: string | null;
}

let world: World;
let releasesDir = '';
beforeAll(async () => {
  releasesDir = await releasesFolder(await smallRelease('v-1'), await smallRelease('r-2'));
  world = await startWorld(releasesDir, 'v-1');
  await startMonitor(world.stack.addresses.temporal, {
    service: 'retriever',
    taskQueue: 'retriever-rollout',
  });
});
afterAll(async () => {
  await world?.close();
  await rm(releasesDir, { recursive: true, force: true });
});

async function diagnose(): Promise<{ code: number; findings: Finding[]; wrong: string[] }> {
  const env = { STATE_DIR: join(world.folder, 'gateway'), RELEASES_DIR: releasesDir };
  const { code, stdout } = await run(world, 'diagnose', ['--json'], env);
  const { findings }: { findings: Finding[] } = JSON.parse(stdout);
  const wrong = findings.filter(({ state }) => state === 'wrong').map(({ part }) => part);
  return { code, findings, wrong };
}

describe('diagnose', () => {
  it('[H2] finds nothing wrong with a stack that runs, and looks at each part', async () => {
    const { code, findings, wrong } = await diagnose();
    expect(wrong).toEqual([]);
    expect(code).toBe(0);
    const parts = findings.map(({ part }) => part).join('\n');
    for (const part of [
      /^worker process$/m,
      /^Temporal$/m,
      /^worker \(.*-long, activity\)/m,
      /^gateway$/m,
      /^lane stable$/m,
      /^memory$/m,
      /^monitor$/m,
    ])
      expect(parts).toMatch(part);
    expect(findings.find(({ part }) => part === 'index stable')?.says).toMatch(
      /\d+ rows of v-1, mean norm 1\.0000\d\d, imbalance \d/,
    );
  });

  it('[H2] names a monitor that does not run, with the command that starts it', async () => {
    await world.temporal('workflow', 'terminate', '--workflow-id', 'monitor/retriever');
    const { code, findings, wrong } = await diagnose();
    expect([code, wrong]).toEqual([1, ['monitor']]);
    const todo = findings.find(({ part }) => part === 'monitor')?.todo ?? '';
    const [, command = ''] = /temporal (workflow start .*)$/.exec(todo) ?? [];
    await world.temporal(...command.split(' '));
    // Started twice is started once.
    await world.temporal(...command.split(' '));
    expect((await diagnose()).wrong).toEqual([]);
  });

  it('names a rollout that is held, with why', async () => {
    const rollout = await world.startRollout('r-2', 'long-canary');
    await world.untilStatus('its canary', ({ percent }) => percent === 10);
    await rollout.signal('hold', { reason: 'odd graphs', by: 'ada' });
    await world.untilStatus('held', ({ state }) => state === 'held');
    const { code, findings, wrong } = await diagnose();
    expect(wrong).toEqual(['rollout/retriever']);
    expect(findings.find(({ part }) => part === 'rollout/retriever')).toMatchObject({
      says: expect.stringContaining('held by ada: odd graphs'),
      todo: expect.stringContaining('rollback'),
    });
    expect(code).toBe(1);
    await rollout.signal('rollback');
    await rollout.result();
  }, 120_000);

  it('[H2] says which part is down, and looks at the others all the same', async () => {
    await world.stack.kill('gateway');
    const gateway = await diagnose();
    expect(gateway.wrong).toEqual(['gateway', 'control']);
    await world.stack.start('gateway');
    await world.stack.kill('temporal');
    const temporal = await diagnose();
    expect(temporal.wrong).toEqual(['Temporal']);
    expect(temporal.findings.find(({ part }) => part === 'worker')?.state).toBe('skipped');
    expect(temporal.findings.find(({ part }) => part === 'lane stable')?.state).toBe('ok');
    expect([gateway.code, temporal.code]).toEqual([1, 1]);
  }, 180_000);

  it('notices a worker that has just died', async () => {
    await world.stack.kill('worker');
    await world.stack.start('temporal');
    const { code, wrong } = await diagnose();
    // Its polls are on Temporal's list for a while; its own port is gone at once.
    expect(wrong).toContain('worker process');
    expect(code).toBe(1);
  }, 120_000);
});
