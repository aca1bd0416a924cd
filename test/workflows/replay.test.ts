import { gunzipSync, gzipSync } from 'node:zlib';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { temporal } from '@temporalio/proto';
import { Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SkippedRollout } from './time-skipping.ts';
import { TimeSkipping } from './time-skipping.ts';
import { FakeWorld } from './fake-world.ts';

/**
 * Rollouts that once ran, as protobuf: the SDK's reader of JSON histories fails with the protobufjs it installs.
 * Code that changed so that it would take another way than they did must be versioned
 * (`patched`), or a deployment in the middle of a rollout stops it. Written anew by
 * `RECORD_HISTORIES=1 npx vitest run test/workflows/replay.test.ts`.
 */
const { History } = temporal.api.history.v1;
const FOLDER = new URL('histories/', import.meta.url);
const file = (name: string) => new URL(`${name}.pb.gz`, FOLDER);
const ROLLOUTS: Record<string, (rollout: SkippedRollout) => Promise<unknown>> = {
  shipped: async (rollout) => rollout.handle.result(),
  'held-resumed-rolled-back': async (rollout) => {
    await rollout.until(({ state }) => state === 'ramp-25: measuring');
    await rollout.handle.signal('hold', { reason: 'lunch' });
    await rollout.until(({ state }) => state === 'held');
    await rollout.handle.signal('resume');
    await rollout.until(({ percent }) => percent === 50);
    await rollout.handle.signal('rollback');
    return rollout.handle.result();
  },
};

let server: TimeSkipping;
beforeAll(async () => {
  server = await TimeSkipping.create();
  if (process.env['RECORD_HISTORIES'] === '1') await record();
});

async function record(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, walk] of Object.entries(ROLLOUTS))
    await server.with(new FakeWorld(), async (start) => {
      const rollout = await start();
      await walk(rollout);
      writeFileSync(file(name), gzipSync(History.encode(await rollout.handle.fetchHistory()).finish()));
    });
}

describe('rollouts under way while a worker is deployed', () => {
  it.each(Object.keys(ROLLOUTS))('%s: the code takes the way it took', async (name) => {
    const history = History.decode(gunzipSync(readFileSync(file(name))));
    expect(history.events.length).toBeGreaterThan(50);
    await Worker.runReplayHistory({ workflowBundle: { code: server.code } }, history, 'rollout/retriever');
  });

  it('has a history for each name, and none that nobody replays', () => {
    expect(readdirSync(FOLDER).toSorted()).toEqual(
      Object.keys(ROLLOUTS)
        .map((name) => `${name}.pb.gz`)
        .toSorted(),
    );
  });
});
