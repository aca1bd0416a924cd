import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeWhole } from '../../platform/json-file.ts';
import { readTokenFile } from '../../domain/core/settings.ts';

/** Compared as hashes in constant time: neither length nor first wrong byte can be learned from the answer's time. */
export function tokenFits(header: string | undefined, token: string): boolean {
  const hash = (value: string) => createHash('sha256').update(value).digest();
  // The scheme is the same in any case (RFC 9110, 11.1).
  const given = /^bearer +(\S.*)$/i.exec(header ?? '')?.[1];
  return timingSafeEqual(hash(given ?? ''), hash(token)) && given !== undefined;
}

/** The token in that file; a new one, which only its owner can read, where there is no file yet. */
export async function tokenOfFile(file: string): Promise<string> {
  try {
    return readTokenFile(await readFile(file, 'utf8'), file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const token = randomBytes(32).toString('hex');
  await writeWhole(file, `${token}\n`, { mode: 0o600 });
  return token;
}
