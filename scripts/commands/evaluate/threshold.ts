import { z } from 'zod';
import { calibrateThreshold } from '../../../retrieval/evaluation/threshold.ts';
import { refused, release as releaseOption } from '../../cli/options.ts';
import { command } from '../../cli/command.ts';

export const threshold = command({
  example: '--release artifacts/releases/retriever_v0 --share 0.95',
  options: {
    release: releaseOption,
    share: {
      value: 'SHARE',
      help: 'share of queries that are to reach τ',
      schema: z
        .string()
        .regex(/^0\.\d+$/, refused('must be a share like 0.95'))
        .transform(Number)
        .default(0.95),
    },
  },
  async run({ release, share }) {
    const found = await calibrateThreshold(release, share);
    const { current } = found;
    const { low, high } = current.interval;
    return {
      passed: low <= current.expectedShare && current.expectedShare <= high,
      lines: [
        `τ = ${found.tau} is reached by a share of ${share} of ${found.queries} labelled queries`,
        `the release's own τ = ${current.tau} is reached by ${current.share.toFixed(4)} (95 %: ${low.toFixed(4)} to ${high.toFixed(4)}), it promises ${current.expectedShare.toFixed(4)}`,
      ],
      result: { ...found },
    };
  },
});
