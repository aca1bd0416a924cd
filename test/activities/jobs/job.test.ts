import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { runJobForLastLine } from '../../../activities/jobs/job.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'job-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('heavy work in a child process', () => {
  const answer = z.object({ kind: z.literal('done') });

  it('that says nothing is alive as long as it runs', async () => {
    const file = join(folder, 'go-on');
    const activity = new MockActivityEnvironment();
    // It ends only once a heartbeat has come without a word of it.
    activity.once('heartbeat', () => void writeFile(file, ''));
    const run = activity.run(runJobForLastLine<z.infer<typeof answer>>, QUIET, { file }, answer);
    expect(await run).toEqual({ kind: 'done' });
  });

  it('that ends without an answer fails, with its code', async () => {
    const run = new MockActivityEnvironment().run(runJobForLastLine<unknown>, 'no-such-main', {}, answer);
    await expect(run).rejects.toThrow(/ended with 1: /);
  });
});

/** As seen from activities/. */
const QUIET = '../test/fixtures/child/quiet';
