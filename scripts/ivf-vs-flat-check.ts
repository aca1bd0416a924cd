import { readManifest } from '../retrieval/release/manifest.ts';
import type { SmokeResult } from '../retrieval/smoke.ts';
import { ivfFlatOverlap, ivfFlatOverlapOf } from '../retrieval/smoke.ts';
import { withIndexPair, withinLists } from './tool/indexes.ts';
import { count, existing, optionalRelease } from './tool/options.ts';
import { runTool, WrongUse } from './tool/tool.ts';

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

await runTool({
  name: 'ivf-vs-flat-check',
  summary: 'whether IVF returns at least 95 % of what FLAT does.',
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
    return { met: ok, lines: [reason], result: { reason, ...numbers } };
  },
});

async function check({ release, flat, ivf, nprobe, n, k }: Values): Promise<SmokeResult> {
  if (release !== undefined && flat === undefined && ivf === undefined) {
    if (nprobe !== undefined) throw new WrongUse('--nprobe: a release is checked at its own nprobe');
    withinRows(k, (await readManifest(release)).ntotal);
    return ivfFlatOverlap(release, { n, k });
  }
  if (release !== undefined || flat === undefined || ivf === undefined)
    throw new WrongUse('takes either --release, or --flat and --ivf');
  return withIndexPair({ ivf, flat }, async (pair) => {
    withinRows(k, pair.flat.ntotal);
    if (nprobe !== undefined) withinLists('--nprobe', [nprobe], pair.nlist);
    return ivfFlatOverlapOf(pair.ivf, pair.flat, { n, k, nprobe: nprobe ?? Math.min(NPROBE, pair.nlist) });
  });
}

function withinRows(k: number, rows: number): void {
  if (k > rows) throw new WrongUse(`--k: ${k} is more than the ${rows} rows that there are`);
}
