import { join } from 'node:path';
import { z } from 'zod';
import { chooseNprobe } from '../../../domain/tuning/choose-nprobe.ts';
import { describeChoice, formatTrial, formatTrialIntervals } from '../../../domain/tuning/describe-choice.ts';
import { indexTarget, sweepNprobe, sweepQueries } from '../../../retrieval/evaluation/sweep.ts';
import { readNpy } from '../../../retrieval/release/npy.ts';
import { showProgress } from '../../cli/progress.ts';
import { writeJson } from '../../../platform/json-file.ts';
import { withIndexPair, withinLists } from '../index/index-pair.ts';
import { count, existing, optionalRelease, out as outOption, refused } from '../../cli/options.ts';
import { UsageError, command } from '../../cli/command.ts';

/** What the runbook tries. */
const NPROBES = [4, 8, 12, 16] as const;
const nprobeValues = z
  .string()
  .regex(/^[1-9]\d{0,5}(,[1-9]\d{0,5})*$/, refused('must be whole numbers like 4,8,12,16'))
  .transform((text) => [...new Set(text.split(',').map(Number))]);
const milliseconds = z
  .string()
  .regex(/^\d+(\.\d+)?$/, refused('must be milliseconds'))
  .transform(Number);

export const tuneNprobe = command({
  example: '--release artifacts/releases/retriever_v0 --nprobe-values 4,8,12,16',
  options: {
    release: optionalRelease,
    index: {
      value: 'FILE',
      help: 'IVF index; with --flat and --queries, in place of a release',
      schema: existing.optional(),
    },
    flat: { value: 'FILE', help: 'truth index', schema: existing.optional() },
    queries: { value: 'FILE', help: '.npy of n x d, or of contexts n x 5 x d', schema: existing.optional() },
    'nprobe-values': {
      value: 'LIST',
      help: `what is tried (default ${NPROBES.join(',')}, as far as there are lists)`,
      schema: nprobeValues.optional(),
    },
    'n-queries': { value: 'N', help: 'at most so many queries', schema: count.default(500) },
    'target-ms': { value: 'MS', help: 'P95 that is wanted', schema: milliseconds.default(8) },
    priority: {
      value: 'WHAT',
      help: 'balanced, latency or accuracy',
      schema: z.enum(['balanced', 'latency', 'accuracy']).default('balanced'),
    },
    out: outOption,
  },
  async run({ priority, out, ...values }) {
    const files = filesOf(values);
    const queries = sweepQueries(await readNpy(files.queries), values['n-queries']);
    const targetMs = values['target-ms'];
    const progress = showProgress('tune nprobe');
    return withIndexPair({ ivf: files.index, flat: files.flat }, async ({ ivf, flat, nlist }) => {
      const trials = await sweepNprobe(indexTarget(ivf, flat, queries), {
        nprobes: nprobesOf(values['nprobe-values'], nlist),
        onProgress: (done, total) => progress('searching', done, total),
      });
      const choice = chooseNprobe(trials, priority, targetMs);
      const reason = describeChoice(choice);
      const why = { ...choice, reason };
      const result = { ...files, queryCount: queries.length, priority, targetMs, choice: why, trials };
      if (out !== undefined) await writeJson(out, result);
      return {
        passed: choice.kind === 'chosen',
        lines: [
          ...trials.map(formatTrialIntervals),
          `${choice.kind}: ${reason} (${queries.length} queries)`,
          ...(choice.kind === 'hold' ? choice.pareto.map((trial) => `  Pareto: ${formatTrial(trial)}`) : []),
        ],
        result,
      };
    });
  },
});

/** Those asked for, or the runbook's; all lists at once where even the least of these is too many. */
function nprobesOf(asked: readonly number[] | undefined, nlist: number): readonly number[] {
  if (asked !== undefined) {
    withinLists('--nprobe-values', asked, nlist);
    return asked;
  }
  const there = NPROBES.filter((nprobe) => nprobe <= nlist);
  return there.length > 0 ? there : [nlist];
}

function filesOf({
  release,
  index,
  flat,
  queries,
}: Readonly<Record<'release' | 'index' | 'flat' | 'queries', string | undefined>>) {
  const given = [index, flat, queries].filter((file) => file !== undefined);
  if (release !== undefined && given.length === 0)
    return {
      index: join(release, 'p_ivf.faiss'),
      flat: join(release, 'p_flat_ip.faiss'),
      queries: join(release, 'eval_queries.npy'),
    };
  if (release !== undefined || index === undefined || flat === undefined || queries === undefined)
    throw new UsageError('takes either --release, or --index, --flat and --queries');
  return { index, flat, queries };
}
