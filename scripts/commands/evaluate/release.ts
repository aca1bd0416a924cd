import { cleanEvaluation } from '../../../retrieval/evaluation/clean.ts';
import { showProgress } from '../../cli/progress.ts';
import { writeJson } from '../../../platform/json-file.ts';
import { existing, out as outOption, release as releaseOption } from '../../cli/options.ts';
import { command } from '../../cli/command.ts';

const METRICS = ['R_at_1', 'R_at_5', 'R_at_10', 'R_at_20', 'R_at_50', 'MRR', 'Contain_at_50'] as const;

export const evaluateRelease = command({
  example: '--release artifacts/releases/retriever_v0 --out artifacts/eval/clean.json',
  options: {
    release: releaseOption,
    index: {
      value: 'FILE',
      help: 'another index over the same rows, e.g. a FLAT truth',
      schema: existing.optional(),
    },
    out: outOption,
  },
  async run({ release, index, out }) {
    const progress = showProgress('evaluate release');
    const result = await cleanEvaluation(release, {
      ...(index === undefined ? {} : { index }),
      onProgress: (done, total) => progress('asking', done, total),
    });
    if (out !== undefined) await writeJson(out, result);
    const { plain, reranked } = result;
    const worst = result.perArticle.slice(0, 3);
    const cell = (of: typeof plain, name: (typeof METRICS)[number]) =>
      `${of[name].toFixed(4)} [${of.intervals[name].low.toFixed(3)}, ${of.intervals[name].high.toFixed(3)}]`;
    return {
      passed: true,
      lines: [
        `${result.release}: ${result.queries} queries of ${result.articles} articles; 95 % intervals over articles`,
        `${''.padEnd(14)} ${'plain'.padEnd(22)} reranked`,
        ...METRICS.map(
          (name) => `${name.padEnd(14)} ${cell(plain, name).padEnd(22)} ${cell(reranked, name)}`,
        ),
        ...worst.map(({ article, reranked: { R_at_5: r } }) => `least R@5: ${article}, ${r.toFixed(3)}`),
      ],
      result: { ...result },
    };
  },
});
