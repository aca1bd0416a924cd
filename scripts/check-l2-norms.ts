import { openIndex } from '../retrieval/index/open.ts';
import { checkIndexNorms, NORM_TOLERANCE } from '../retrieval/release/norms.ts';
import { checkNorms } from '../retrieval/smoke.ts';
import { existing, optionalRelease } from './tool/options.ts';
import { runTool, WrongUse } from './tool/tool.ts';

await runTool({
  name: 'check-l2-norms',
  summary: `whether each vector's L2 norm is within ${NORM_TOLERANCE} of 1.`,
  options: {
    release: optionalRelease,
    index: { value: 'FILE', help: 'one index, in place of a release', schema: existing.optional() },
  },
  async run({ release, index }) {
    if (release !== undefined && index === undefined) {
      const { ok, reason, numbers } = await checkNorms(release);
      return { met: ok, lines: [reason], result: { reason, ...numbers } };
    }
    if (release !== undefined || index === undefined) throw new WrongUse('takes either --release or --index');
    const opened = await openIndex(index);
    try {
      const check = checkIndexNorms(opened);
      const reason = `${check.wrong} of ${check.rows} vectors are not of unit norm, the worst norm is ${check.worst.toExponential(1)} from 1`;
      return { met: check.rows > 0 && check.wrong === 0, lines: [reason], result: { reason, ...check } };
    } finally {
      opened.close();
    }
  },
});
