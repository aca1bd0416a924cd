import { join, resolve } from 'node:path';
import { z } from 'zod';
import { NAME_RULE, isName } from '../../../domain/core/name.ts';
import { sha256Of } from '../../../retrieval/release/checksums.ts';
import { ownFiles } from '../../../retrieval/release/own-files.ts';
import { verifyRelease } from '../../../retrieval/release/verify.ts';
import type { Tagged } from './git-tag.ts';
import { setTag } from './git-tag.ts';
import { existing, release as releaseOption } from '../../cli/options.ts';
import { command } from '../../cli/command.ts';

const TAG = 'v0-retriever';

export const freeze = command({
  example: '--release artifacts/releases/retriever_v0',
  options: {
    release: releaseOption,
    tag: {
      value: 'NAME',
      help: `git tag (default ${TAG})`,
      schema: z.string().refine(isName, NAME_RULE).optional(),
    },
    repository: {
      value: 'DIR',
      help: 'git repository (default: that of the folder you are in, if it is one)',
      schema: existing.optional(),
    },
  },
  async run({ release, tag: named, repository: given }) {
    const [tag, repository] = [named ?? TAG, resolve(given ?? '.')];
    // Nobody who asked for a tag takes none for success.
    const tagWanted = named !== undefined || given !== undefined;
    const { ok, problems, manifest } = await verifyRelease(release);
    if (!ok || manifest === null)
      return {
        passed: false,
        lines: problems.map(({ file, reason }) => `${file}: ${reason}`),
        result: { problems },
      };
    await ownFiles(release);
    const sha256 = await sha256Of(join(release, 'checksums.txt'));
    const tagged = await setTag(repository, tag, `${manifest.version}\n\nchecksums.txt sha256 ${sha256}`);
    const files = Object.keys(manifest.files).length;
    return {
      passed: isSet(tagged) || (tagged.kind === 'noRepository' && !tagWanted),
      lines: [
        `${manifest.version}: ${files} files are as checksums.txt (sha256 ${sha256}) says`,
        wordsOf(tag, tagged),
      ],
      result: { release: manifest.version, files, sha256, tag, tagged },
    };
  },
});

function isSet({ kind }: Tagged): boolean {
  return kind === 'made' || kind === 'there';
}

function wordsOf(tag: string, tagged: Tagged): string {
  switch (tagged.kind) {
    case 'made':
      return `tag ${tag} is set`;
    case 'there':
      return `tag ${tag} was set for this content before`;
    case 'noRepository':
    case 'failed':
      return `no tag is set: ${tagged.reason}`;
    case 'other':
      return `refused: tag ${tag} names another content: ${tagged.message.replaceAll(/\s+/g, ' ')}`;
    default:
      return tagged satisfies never;
  }
}
