import { readFileSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import { run } from '../support/command.ts';
import type { World } from '../support/world.ts';
import { startWorld } from '../support/world.ts';

let world: World;
let releasesDir = '';

beforeAll(async () => {
  releasesDir = await releasesFolder(await smallRelease('v-1'), await smallRelease('r-2'));
  world = await startWorld(releasesDir, 'v-1');
});
afterAll(async () => {
  await world?.close();
  await rm(releasesDir, { recursive: true, force: true });
});

const rollout = (...args: string[]) => run(world, 'rollout', args);
const json = async (...args: string[]) => JSON.parse((await rollout(...args, '--json')).stdout);

describe('rollout plan', () => {
  it('[P6] says what each stage can detect, and refuses a plan that cannot pass at that traffic', async () => {
    const fast = await rollout('plan', 'compressed', '--rate', '2000');
    expect(fast.stdout).toMatch(
      /canary-10 {2}10 % {2}T0 to T\+30m .*\n {4}errorRate against stable .*; can tell [0-9.]+ points\n/,
    );
    expect(fast.code).toBe(0);
    const slow = await rollout('plan', 'compressed', '--rate', '0.5', '--json');
    expect(JSON.parse(slow.stdout).refusals[0]).toMatchObject({ stage: 'canary-10', metric: 'errorRate' });
    expect(slow.code).toBe(1);
    const idle = await rollout('plan', 'compressed');
    expect(idle.stderr).toMatch(/no traffic now: state the rate with --rate/);
    expect(idle.code).toBe(2);
  }, 90_000);
});

describe('rollout, without a rollout', () => {
  it.each([
    ['nothing', [], 0, /Starts, watches and steers/],
    ['a command that there is not', ['strat'], 2, /no command "strat"/],
    ['--help', ['start', '--help'], 0, /--candidate RELEASE .*\(required\)/],
    ['a path as release', ['start', '--candidate', '../x'], 2, /candidate: must be a name/],
    ['no release', ['start'], 2, /--candidate is missing/],
    ['an approval without a reason', ['approve'], 2, /--reason is missing/],
    ['an unknown plan', ['start', '--candidate', 'r-2', '--plan', 'nope'], 1, /no plan "nope"; there are: /],
  ])('given %s ends as it should', async (_what, args, code, says) => {
    const ended = await rollout(...args);
    expect(ended.stdout + ended.stderr).toMatch(says);
    expect(ended.code).toBe(code);
  });

  it('status and messages of a service that has none say so', async () => {
    for (const args of [['status'], ['hold'], ['watch']]) {
      const { code, stdout } = await rollout(...args, '--service', 'ads');
      expect(stdout).toMatch(/there is no rollout/);
      expect(code).toBe(1);
    }
  });

  it.each([
    ['with what starts it', 'status', /does not answer at 127.0.0.1:9 .*: start it: npm start\n$/],
    ['for a rollback with the way that needs none', 'rollback', /127.0.0.1:9 .*rollback_retriever.sh/],
  ])('a Temporal that is not there is named, %s', async (_, name, words) => {
    const { code, stderr } = await run(world, 'rollout', [name], { TEMPORAL_ADDRESS: '127.0.0.1:9' });
    expect(stderr).toMatch(words);
    expect(code).toBe(1);
  });
});

describe('a rollout that is steered from the command line', () => {
  it('[H3] starts once, answers, refuses in its own sentence, and takes a rollback while no worker runs', async () => {
    const started = await json('start', '--candidate', 'r-2', '--plan', 'long-canary');
    expect(started).toMatchObject({ passed: true, workflowId: 'rollout/retriever', candidate: 'r-2' });
    const second = await rollout('start', '--candidate', 'r-2', '--plan', 'long-canary');
    expect(second.stdout).toMatch(/a rollout of r-2 .* is under way as rollout\/retriever/);
    expect(second.code).toBe(1);
    await world.untilStatus('its canary', ({ percent }) => percent === 10);

    const refused = await rollout('resume');
    expect(refused.stdout).toMatch('resume is refused: it is neither paused nor held');
    expect(refused.code).toBe(1);
    expect(await json('hold', '--reason', 'lunch', '--by', 'ada')).toMatchObject({
      passed: true,
      state: 'held',
      reason: 'held by ada: lunch',
    });
    expect(await json('status')).toMatchObject({ passed: true, state: 'held', percent: 10 });
    const { rollouts } = await json('list');
    expect(rollouts[0]).toMatchObject({ candidate: 'r-2', outcome: 'running', stage: 'canary-10' });

    await world.stack.kill('worker');
    const unheard = await rollout('pause');
    expect(unheard.stdout).toMatch(/no worker answered within 5 s/);
    const waiting = await rollout('rollback', '--reason', 'odd graphs');
    expect(waiting.stdout).toMatch(/the rollback waits in Temporal .*rollback_retriever\.sh/);
    expect([unheard.code, waiting.code]).toEqual([1, 1]);
    expect((await rollout('status')).stdout).toMatch(/no worker answers for it/);

    await world.stack.start('worker');
    const watched = await rollout('watch');
    expect(watched.stdout).toMatch(/rolledBack: asked for by .*: odd graphs/);
    expect(watched.code).toBe(1);
    expect((await json('list')).rollouts[0]).toMatchObject({ candidate: 'r-2', outcome: 'rolledBack' });
  }, 240_000);

  it('[E7.1] goes back without a rollout too, once the release is named or stable is wanted', async () => {
    const { code, stdout } = await rollout('rollback', '--reason', 'drill');
    expect(stdout).toMatch(/rolledBack after \d+ ms, verified/);
    expect(code).toBe(0);
    const nowhere = await rollout('rollback', '--to', 'nowhere');
    expect(nowhere.stdout).toMatch(/nowhere/);
    expect(nowhere.code).toBe(1);
  }, 120_000);

  it('is followed to its end: exit code 0 where it shipped', async () => {
    const traffic = await world.startTraffic(80);
    const { code, stdout } = await rollout('start', '--candidate', 'r-2', '--plan', 'compressed', '--watch');
    expect(stdout).toMatch(/real 0:\d\d {2}\| {2}runbook T\+/);
    expect(stdout).toMatch(/├─ . canary-10 {2}10 % {2}T0 to T\+30m/);
    expect(stdout).toMatch(/✓ errorRate: .* n \d+ {2}\[/);
    expect(stdout).toMatch(/r-2 over v-1: shipped/);
    expect(code).toBe(0);

    // What it decided is on record, and would be decided again.
    const judged = await json('judge', '--plan', 'compressed');
    expect(judged).toMatchObject({ passed: true, problem: null, lost: [], firstDifference: null });
    expect(judged.judged.length).toBeGreaterThanOrEqual(4);
    const other = await rollout('judge', '--plan', 'plans/demo.yaml');
    expect(other.stdout).toMatch(/the first difference: canary-10, .*demo is not judged/);
    expect(other.code).toBe(1);

    // After the promotion the release before is the one to go back to.
    const back = await rollout('rollback', '--reason', 'drill');
    expect(back.stdout).toMatch(/rolledBack after \d+ ms, verified/);
    const checked = await check('--seconds', '8');
    expect(checked.checks.slice(0, 2)).toMatchObject([
      { name: 'version', passed: true },
      { name: 'probes', passed: true },
    ]);
    expect(
      checked.rows.map(({ measured }: { measured: { n?: number } }) => (measured.n ?? 0) >= 100),
    ).toContain(true);
    expect(await check('--release', 'r-2', '--seconds', '1')).toMatchObject({
      passed: false,
      checks: [{ name: 'version', passed: false }, { name: 'probes', passed: false }, {}],
    });
    await traffic.stop();
  }, 300_000);

  it('[E4, E6] goes back by the flags at once, and by a Deployment only where one is configured', async () => {
    const flags = await rollout('rollback', '--method', 'flags', '--by', 'ada');
    expect(flags.stdout).toMatch(/verified: stable v-1: impl=amn_v0.* -> impl=gru_v0;reranker=off/);
    expect(flags.code).toBe(0);
    expect((await world.gateway.health()).flags.stable).toMatchObject({ impl: 'gru_v0', reranker: 'off' });
    const undo = await rollout('rollback', '--method', 'kubernetes');
    expect(undo.stdout).toMatch(/no Deployment is configured .*DEPLOYMENT=kubernetes/);
    expect(undo.code).toBe(1);
  }, 120_000);

  it('[H4] leaves the draft of a post-mortem for each rollback that users saw', () => {
    const folder = join(world.folder, 'PROD/postmortems');
    const drafts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    const ofRollout = drafts.filter((text) => text.includes('odd graphs'));
    expect(ofRollout).toHaveLength(1);
    expect(ofRollout[0]).toMatch(
      /# rollout of r-2: rolledBack[^]*time to safe \| \d+ ms[^]*Timeline[^]*10 % of users on r-2/,
    );
    expect(drafts.filter((text) => text.includes('rolled back by')).length).toBeGreaterThanOrEqual(2);
  });
});

async function check(...args: string[]) {
  const baseline = join(world.folder, 'artifacts/eval/baseline_metrics.json');
  const env = { RELEASES_DIR: releasesDir };
  const ended = await run(world, 'rollout check-rollback', ['--baseline', baseline, '--json', ...args], env);
  return JSON.parse(ended.stdout);
}
