/**
 * Child process of a sweep: asks one lane the release's labelled queries at each nprobe, over the control listener, so
 * that no user is counted or moved. Progress goes to stdout as `searched N of M`; the last line is a SweepOutcome as JSON.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { readSettings } from '../../domain/core/settings.ts';
import { loadEvaluationSet } from '../../retrieval/evaluation/set.ts';
import type { SweepTarget } from '../../retrieval/evaluation/sweep.ts';
import { sweepNprobe } from '../../retrieval/evaluation/sweep.ts';
import { flagsSchema, readManifest } from '../../retrieval/release/manifest.ts';
import { endWithParent } from '../../platform/subprocess.ts';
import { createControlClient } from '../../clients/gateway-client.ts';
import type { SweepOutcome } from './sweep.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

const job = z
  .object({
    controlUrl: z.string(),
    releaseDir: z.string(),
    release: z.string(),
    lane: z.enum(['stable', 'candidate']),
    flags: flagsSchema,
    nprobes: z.array(z.int().positive()),
    maxQueries: z.int().positive(),
  })
  .parse(JSON.parse(process.argv[2] ?? 'null'));

endWithParent();

const K = 10;

const { CONTROL_TOKEN: value, CONTROL_TOKEN_FILE: file } = readSettings(
  process.env,
  'CONTROL_TOKEN',
  'CONTROL_TOKEN_FILE',
);
const control = createControlClient({
  url: job.controlUrl,
  token: value === undefined ? { file } : { value },
});

/**
 * The lane as what is swept. Its own scan over all lists is the truth: it is exact (test/native/exact.test.ts against
 * FAISS' FLAT), knows of chunks that were ingested since the build, and predicts the query as users' are. Latency is
 * predict + search as the lane reports it, which is what gates judge. The reranker would only change the order.
 */
function laneTarget(contexts: readonly Float32Array[], nlist: number): SweepTarget {
  async function search(query: number, nprobe: number) {
    const flags = { ...job.flags, reranker: 'off', nprobe } as const;
    const beganMs = performance.now();
    const answer = await control.searchWith(job.lane, contexts[query] ?? new Float32Array(0), {
      flags,
      k: K,
    });
    if (answer.release !== job.release)
      throw new Error(`lane ${job.lane} serves ${answer.release}, not ${job.release}`);
    // Half of the time at most is ours: users are served by the same process.
    await pause(performance.now() - beganMs);
    const { predictMs, searchMs } = answer.timings;
    return { ids: answer.results.map(({ id }) => id), ms: (predictMs ?? 0) + searchMs };
  }
  return {
    queries: contexts.length,
    exact: async (query) => (await search(query, nlist)).ids,
    search,
  };
}

async function run(): Promise<SweepOutcome> {
  const { nlist } = await readManifest(job.releaseDir);
  const { queries, dimension } = await loadEvaluationSet(job.releaseDir);
  if (queries.length === 0) return { kind: 'failed', reason: `${job.release} has no labelled queries` };
  const count = Math.min(job.maxQueries, queries.length);
  const contexts = Array.from({ length: count }, (_, i) => {
    const { context } = queries[Math.floor((i * queries.length) / count)] ?? { context: [] };
    const joined = new Float32Array(context.length * dimension);
    for (const [place, vector] of context.entries()) joined.set(vector, place * dimension);
    return joined;
  });
  const trials = await sweepNprobe(laneTarget(contexts, nlist), {
    nprobes: job.nprobes,
    onProgress: (done, total) => say(`searched ${done * count} of ${total * count}`),
  });
  return { kind: 'swept', queries: count, trials };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

say(
  JSON.stringify(
    await run().catch((error: unknown): SweepOutcome => ({
      kind: 'failed',
      reason: `the sweep of ${job.release} could not be finished: ${errorMessage(error)}`,
    })),
  ),
);
