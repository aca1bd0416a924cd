/**
 * Child process of the evaluation: asks one lane the release's labelled queries over the control listener. Progress
 * goes to stdout as `asked N of M`; the last line is an EvaluationOutcome as JSON.
 */
import { z } from 'zod';
import { readSettings } from '../../domain/core/settings.ts';
import { evaluate } from '../../retrieval/evaluation/evaluate.ts';
import { loadEvaluationSet } from '../../retrieval/evaluation/set.ts';
import { endWithParent } from '../../platform/subprocess.ts';
import { createControlClient } from '../../clients/gateway-client.ts';
import type { EvaluationOutcome } from './live.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

const job = z
  .object({
    controlUrl: z.string(),
    releaseDir: z.string(),
    release: z.string(),
    lane: z.enum(['stable', 'candidate', 'previous', 'spare']),
    maxQueries: z.int().positive().nullable(),
  })
  .parse(JSON.parse(process.argv[2] ?? 'null'));

endWithParent();

/** Two at a time: the lane serves users meanwhile. */
const CONCURRENCY = 2;
const TOP = 50;

const { CONTROL_TOKEN: value, CONTROL_TOKEN_FILE: file } = readSettings(
  process.env,
  'CONTROL_TOKEN',
  'CONTROL_TOKEN_FILE',
);
const control = createControlClient({
  url: job.controlUrl,
  token: value === undefined ? { file } : { value },
});

async function run(): Promise<EvaluationOutcome> {
  const { queries: all } = await loadEvaluationSet(job.releaseDir);
  const queries = all.slice(0, job.maxQueries ?? all.length);
  if (queries.length === 0) return { kind: 'failed', reason: `${job.release} has no labelled queries` };
  const metrics = await evaluate(
    queries,
    async (query) => {
      const answer = await control.search(job.lane, {
        context: query.context.map((vector) => Array.from(vector)),
        k: TOP,
        exclude: query.exclude,
      });
      if (answer.release !== job.release)
        throw new Error(`lane ${job.lane} serves ${answer.release}, not ${job.release}`);
      return answer.results.map(({ id }) => id);
    },
    { concurrency: CONCURRENCY, onProgress: (asked) => say(`asked ${asked} of ${queries.length}`) },
  );
  return {
    kind: 'evaluated',
    queries: queries.length,
    rAt5: metrics.R_at_5,
    mrr: metrics.MRR,
    containAt50: metrics.Contain_at_50,
    asked: queries.map(({ queryId }) => queryId),
    hitsAt5: [...metrics.hits_at_5],
    metrics: { ...metrics },
  };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

say(
  JSON.stringify(
    await run().catch((error: unknown): EvaluationOutcome => ({
      kind: 'failed',
      reason: `the evaluation of ${job.release} could not be finished: ${errorMessage(error)}`,
    })),
  ),
);
