import { link, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readChecksums } from './checksums.ts';

/** Smaller files are not worth a link. */
const LEAST_BYTES = 128 * 1024;

/**
 * Makes the large files of a release the same as those of the other releases in `releasesDir` with the same content:
 * hard links, so that lanes that map them share memory as well as disk. A release's files never change, so nobody
 * notices; where the file system has no links, each keeps its own.
 * @returns the files that are shared now
 */
export async function shareFiles(dir: string, releasesDir: string): Promise<string[]> {
  const ours = await readChecksums(dir);
  const shared = new Set<string>();
  for (const sibling of await readdir(releasesDir)) {
    const other = join(releasesDir, sibling);
    const theirs = await readChecksums(other).catch((): Record<string, string> => ({}));
    for (const [file, hash] of Object.entries(ours)) {
      if (shared.has(file) || theirs[file] !== hash) continue;
      if (await shareFile(join(other, file), join(dir, file))) shared.add(file);
    }
  }
  return [...shared];
}

async function shareFile(theirs: string, ours: string): Promise<boolean> {
  const [from, to] = await Promise.all([stat(theirs), stat(ours)]);
  if (from.ino === to.ino || to.size < LEAST_BYTES || from.size !== to.size || from.dev !== to.dev)
    return false;
  const part = `${ours}.part`;
  try {
    await rm(part, { force: true });
    await link(theirs, part);
    await rename(part, ours);
    return true;
  } catch {
    return false;
  }
}
