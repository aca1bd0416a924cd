import { twoTowerGate } from '../../../domain/preflight/encoder-family-gate.ts';
import { cleanEvaluation } from '../../../retrieval/evaluation/clean.ts';
import { readManifest } from '../../../retrieval/release/manifest.ts';
import { showProgress } from '../../cli/progress.ts';
import { release as releaseOption } from '../../cli/options.ts';
import { command } from '../../cli/command.ts';

export const encoderFamily = command({
  example: '--release artifacts/releases/retriever_v0',
  options: { release: releaseOption },
  async run({ release }) {
    const { backbone = 'of the baseline' } = await readManifest(release);
    const progress = showProgress('encoder-family');
    // Refuses articles that a model was trained on.
    const { Contain_at_50: containAt50, queries } = await cleanEvaluation(release, {
      onProgress: (done, total) => progress('asking', done, total),
    });
    const { verdict, reason } = twoTowerGate({ backbone, containAt50, queries, trainedOn: [] });
    return {
      passed: verdict === 'pass',
      lines: [`${verdict}: ${reason}`],
      result: { verdict, reason, backbone, containAt50, queries },
    };
  },
});
