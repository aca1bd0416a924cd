import { join } from 'node:path';
import { z } from 'zod';
import { sha256Of } from '../retrieval/release/checksums.ts';
import { verifyRelease } from '../retrieval/release/verify.ts';
import type { Tagged } from './tool/git-tag.ts';
import { setTag } from './tool/git-tag.ts';
import { existing, release as releaseOption } from './tool/options.ts';
import { runTool } from './tool/tool.ts';

await runTool({
  name: 'freeze-release',
  summary:
    "checks a release's files against its checksums and manifest, and sets the git tag that names them.",
  options: {
    release: releaseOption,
    tag: {
      value: 'NAME',
      help: 'git tag',
      schema: z
        .string()
        .regex(/^[A-Za-z0-9][\w.-]*$/, 'may hold letters, digits, _ . and - only')
        .default('v0-retriever'),
    },
    repository: { value: 'DIR', help: 'git repository', schema: existing.default('.') },
  },
  async run({ release, tag, repository }) {
    const { ok, problems, manifest } = await verifyRelease(release);
    if (!ok || manifest === null)
      return {
        met: false,
        lines: problems.map(({ file, reason }) => `${file}: ${reason}`),
        result: { problems },
      };
    const sha256 = await sha256Of(join(release, 'checksums.txt'));
    const tagged = await setTag(repository, tag, `${manifest.version}\n\nchecksums.txt sha256 ${sha256}`);
    const files = Object.keys(manifest.files).length;
    return {
      met: tagged.kind !== 'other',
      lines: [
        `${manifest.version}: ${files} files are as checksums.txt (sha256 ${sha256}) says`,
        wordsOf(tag, tagged),
      ],
      result: { release: manifest.version, files, sha256, tag, tagged },
    };
  },
});

function wordsOf(tag: string, tagged: Tagged): string {
  switch (tagged.kind) {
    case 'made':
      return `tag ${tag} is set`;
    case 'there':
      return `tag ${tag} was set for this content before`;
    case 'noRepository':
      return 'no tag: there is no git repository here';
    case 'other':
      return `refused: tag ${tag} names another content: ${tagged.message.replaceAll(/\s+/g, ' ')}`;
    default:
      return tagged satisfies never;
  }
}
