import { openIndex } from '../../../retrieval/index/open.ts';
import { checkIndexNorms } from '../../../retrieval/release/norms.ts';
import { checkNorms as checkReleaseNorms } from '../../../retrieval/smoke.ts';
import { existing, optionalRelease } from '../../cli/options.ts';
import { UsageError, command } from '../../cli/command.ts';

export const checkNorms = command({
  example: '--release artifacts/releases/retriever_v0',
  options: {
    release: optionalRelease,
    index: { value: 'FILE', help: 'one index, in place of a release', schema: existing.optional() },
  },
  async run({ release, index }) {
    if (release !== undefined && index === undefined) {
      const { ok, reason, numbers } = await checkReleaseNorms(release);
      return { passed: ok, lines: [reason], result: { reason, ...numbers } };
    }
    if (release !== undefined || index === undefined)
      throw new UsageError('takes either --release or --index');
    const opened = await openIndex(index);
    try {
      const check = checkIndexNorms(opened);
      const reason = `${check.wrong} of ${check.rows} vectors are not of unit norm, the worst norm is ${check.worst.toExponential(1)} from 1`;
      return { passed: check.rows > 0 && check.wrong === 0, lines: [reason], result: { reason, ...check } };
    } finally {
      opened.close();
    }
  },
});
