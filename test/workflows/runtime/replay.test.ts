import { gunzipSync, gzipSync } from 'node:zlib';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { temporal } from '@temporalio/proto';
import { DefaultLogger, Worker, bundleWorkflowCode } from '@temporalio/worker';
import { beforeAll, describe, expect, it } from 'vitest';
import { payloadConverterPath, workflowsPath } from '../../../worker/bundle.ts';
import * as workflows from '../../../workflows/index.ts';
import { WALKS } from '../../support/recorded-walks.ts';
import { TimeSkipping } from '../../support/time-skipping.ts';

/**
 * Workflows that once ran, as protobuf: the SDK's reader of JSON histories fails with the protobufjs it installs.
 * Replay proves that a deployment in the middle of a run does not stop it. Until the first release such code is recorded
 * again; from then on it is versioned (`patched`, docs/decisions.md). `npm run histories` records those that are not
 * there; one is recorded again by removing it first, which gives up what it proved.
 */
const { History } = temporal.api.history.v1;
const FOLDER = new URL('../histories/', import.meta.url);
const file = (name: string) => new URL(`${name}.pb.gz`, FOLDER);
const read = (name: string) => History.decode(gunzipSync(readFileSync(file(name))));
/** Walks of fewer than five calls: a rollback is the traffic, the proof, a message and the draft of a post-mortem. */
const FEW_CALLS: Readonly<Record<string, number>> = { page: 1, 'rollout-guard': 1, rollback: 4 };

/** The workflows that ship. */
let code: string;
beforeAll(async () => {
  const server = await TimeSkipping.create();
  if (process.env['RECORD_HISTORIES'] === '1') {
    mkdirSync(FOLDER, { recursive: true });
    for (const [name, walk] of Object.entries(WALKS))
      if (!existsSync(file(name)))
        writeFileSync(file(name), gzipSync(History.encode(await walk.record(server)).finish(), { level: 9 }));
  }
  const paths = { workflowsPath: workflowsPath(), payloadConverterPath: payloadConverterPath() };
  ({ code } = await bundleWorkflowCode({ ...paths, logger: new DefaultLogger('ERROR') }));
  // All of them are walked where they are recorded.
}, 600_000);

describe('workflows under way while a worker is deployed', () => {
  it.each(Object.entries(WALKS))('%s: the code takes the way it took', async (name, { workflowId }) => {
    const history = read(name);
    expect(completedActivities(history)).toBeGreaterThanOrEqual(FEW_CALLS[name] ?? 5);
    await Worker.runReplayHistory({ workflowBundle: { code } }, history, workflowId);
  });

  it('have a history for each name, and none that nobody replays', () => {
    const names = Object.keys(WALKS).map((name) => `${name}.pb.gz`);
    expect(readdirSync(FOLDER).toSorted()).toEqual(names.toSorted());
  });

  it('are of each type that ships', () => {
    const recorded = new Set(Object.keys(WALKS).map((name) => typeOf(read(name))));
    expect([...recorded].toSorted()).toEqual(Object.keys(workflows).toSorted());
  });
});

function completedActivities({ events }: temporal.api.history.v1.History): number {
  return events.filter((event) => Boolean(event.activityTaskCompletedEventAttributes)).length;
}

function typeOf({ events }: temporal.api.history.v1.History): string {
  return events[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name ?? 'unknown';
}
