import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { readText } from '../../platform/text/utf8.ts';

/** sha256 of a file, lower-case hex. */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** checksums.txt as `sha256sum -c` reads it. */
export function formatChecksums(files: Readonly<Record<string, string>>): string {
  return Object.entries(files)
    .map(([name, hash]) => `${hash}  ${name}\n`)
    .join('');
}

/** File name to sha256 out of checksums.txt; lines of another form are left out. */
export async function readChecksums(dir: string): Promise<Record<string, string>> {
  const text = await readText(join(dir, 'checksums.txt'));
  const lines = text.split(/\r?\n/).flatMap((line) => {
    const [, hash, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    return hash !== undefined && name !== undefined ? [[name, hash] as const] : [];
  });
  return Object.fromEntries(lines);
}
