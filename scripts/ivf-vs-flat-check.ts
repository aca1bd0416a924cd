import { openIndex } from '../retrieval/index/open.ts';
import { ivfFlatOverlap, ivfFlatOverlapOf } from '../retrieval/smoke.ts';
import { count, existing, optionalRelease } from './tool/options.ts';
import { runTool, WrongUse } from './tool/tool.ts';

await runTool({
  name: 'ivf-vs-flat-check',
  summary: 'whether IVF returns at least 95 % of what FLAT does.',
  options: {
    release: optionalRelease,
    flat: { value: 'FILE', help: 'truth index, with --ivf', schema: existing.optional() },
    ivf: { value: 'FILE', help: 'serving index, with --flat', schema: existing.optional() },
    nprobe: {
      value: 'N',
      help: 'lists to look into, with --ivf; a release has its own',
      schema: count.default(8),
    },
    n: { value: 'N', help: 'queries', schema: count.default(100) },
    k: { value: 'K', help: 'depth of the overlap', schema: count.default(10) },
  },
  async run({ release, flat, ivf, nprobe, n, k }) {
    const { ok, reason, numbers } = await check();
    return { met: ok, lines: [reason], result: { reason, ...numbers } };

    async function check() {
      if (release !== undefined && flat === undefined && ivf === undefined)
        return ivfFlatOverlap(release, { n, k });
      if (release !== undefined || flat === undefined || ivf === undefined)
        throw new WrongUse('takes either --release, or --flat and --ivf');
      const truth = await openIndex(flat);
      try {
        const serving = await openIndex(ivf);
        return await ivfFlatOverlapOf(serving, truth, { n, k, nprobe }).finally(() => serving.close());
      } finally {
        truth.close();
      }
    }
  },
});
