import { chmod, constants, copyFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Lanes map these files: who writes into one in place changes the answers of a release that never changes. */
const READ_ONLY = 0o444;
/** What a copy that was killed leaves. */
const UNFINISHED = '.owned';

/**
 * Makes a release's files its own and read-only: no other release has the same inode, so that nothing that is written
 * through one of them reaches another. On a file system that shares blocks (reflinks) a copy takes no room.
 * Done before a release is published; safe to be repeated, also after it was killed.
 */
export async function ownFiles(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const file = join(dir, name);
    if (name.endsWith(UNFINISHED)) {
      await rm(file, { force: true });
      continue;
    }
    const found = await stat(file);
    if (!found.isFile()) continue;
    if (found.nlink > 1) {
      // A rename onto another name of the same file does nothing.
      await rm(file + UNFINISHED, { force: true });
      await copyFile(file, file + UNFINISHED, constants.COPYFILE_FICLONE);
      await rename(file + UNFINISHED, file);
    }
    await chmod(file, READ_ONLY);
  }
}
