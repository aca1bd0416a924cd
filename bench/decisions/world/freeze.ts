import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The digest of the world, its kinds and its hold-out: a change of them is seen in the history of this file. */
export const FROZEN = join(import.meta.dirname, '..', 'world.sha256');

/** sha256 over all files of this folder, in the order of their names. */
export function worldDigest(): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(import.meta.dirname).toSorted())
    hash.update(`${name}\0${readFileSync(join(import.meta.dirname, name), 'utf8')}\0`);
  return hash.digest('hex');
}
