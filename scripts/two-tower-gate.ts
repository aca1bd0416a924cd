import { twoTowerGate } from '../domain/preflight/encoder-family-gate.ts';
import { cleanEvaluation } from '../retrieval/evaluation/clean.ts';
import { readManifest } from '../retrieval/release/manifest.ts';
import { showProgress } from './build/progress.ts';
import { release as releaseOption } from './tool/options.ts';
import { runTool } from './tool/tool.ts';

await runTool({
  name: 'two-tower-gate',
  summary: 'whether a release of another backbone contains the right chunk for over 85 % of the queries.',
  options: { release: releaseOption },
  async run({ release }) {
    const { backbone = 'of the baseline' } = await readManifest(release);
    const progress = showProgress('two-tower-gate');
    // Refuses articles that a model was trained on.
    const { Contain_at_50: containAt50, queries } = await cleanEvaluation(release, {
      onProgress: (done, total) => progress('asking', done, total),
    });
    const { verdict, reason } = twoTowerGate({ backbone, containAt50, queries, trainedOn: [] });
    return {
      met: verdict === 'green',
      lines: [`${verdict}: ${reason}`],
      result: { verdict, reason, backbone, containAt50, queries },
    };
  },
});
