import { readManifest } from '../../../retrieval/release/manifest.ts';
import type { SmokeResult } from '../../../retrieval/smoke.ts';
import { ivfFlatOverlap, ivfFlatOverlapOf } from '../../../retrieval/smoke.ts';
import { withIndexPair, withinLists } from './index-pair.ts';
import { count, existing, optionalRelease } from '../../cli/options.ts';
import { UsageError, command } from '../../cli/command.ts';

/** Of two indexes alone; a release has its own. */
const NPROBE = 8;

interface Values {
  readonly release?: string | undefined;
  readonly flat?: string | undefined;
  readonly ivf?: string | undefined;
  readonly nprobe?: number | undefined;
  readonly n: number;
  readonly k: number;
}

export const checkOverlap = command({
  example: '--release artifacts/releases/retriever_v0',
  options: {
    release: optionalRelease,
    flat: { value: 'FILE', help: 'truth index, with --ivf', schema: existing.optional() },
    ivf: { value: 'FILE', help: 'serving index, with --flat', schema: existing.optional() },
    nprobe: {
      value: 'N',
      help: `lists to look into, with --ivf (default ${NPROBE}, or all where there are fewer); a release has its own`,
      schema: count.optional(),
    },
    n: { value: 'N', help: 'queries', schema: count.default(100) },
    k: { value: 'K', help: 'depth of the overlap', schema: count.default(10) },
  },
  async run(values) {
    const { ok, reason, numbers } = await check(values);
    return { passed: ok, lines: [reason], result: { reason, ...numbers } };
  },
});

async function check({ release, flat, ivf, nprobe, n, k }: Values): Promise<SmokeResult> {
  if (release !== undefined && flat === undefined && ivf === undefined) {
    if (nprobe !== undefined) throw new UsageError('--nprobe: a release is checked at its own nprobe');
    withinRows(k, (await readManifest(release)).ntotal);
    return ivfFlatOverlap(release, { n, k });
  }
  if (release !== undefined || flat === undefined || ivf === undefined)
    throw new UsageError('takes either --release, or --flat and --ivf');
  return withIndexPair({ ivf, flat }, async (pair) => {
    withinRows(k, pair.flat.ntotal);
    if (nprobe !== undefined) withinLists('--nprobe', [nprobe], pair.nlist);
    return ivfFlatOverlapOf(pair.ivf, pair.flat, { n, k, nprobe: nprobe ?? Math.min(NPROBE, pair.nlist) });
  });
}

function withinRows(k: number, rows: number): void {
  if (k > rows) throw new UsageError(`--k: ${k} is more than the ${rows} rows that there are`);
}
