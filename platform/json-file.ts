import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { readText } from './text/utf8.ts';

interface WriteOptions {
  /** Who may read it, such as 0o600. */
  readonly mode?: number;
}

/** Writes a file whole or not at all, with its folder; it survives a power cut once the promise resolves. */
export async function writeWhole(
  file: string,
  data: string | Buffer,
  options: WriteOptions = {},
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFileAtomic(file, data, { ...options, fsync: true });
}

/** Writes a value as JSON, indented for people where `indent` does not say otherwise. */
export async function writeJson(
  file: string,
  value: unknown,
  { indent = 2, ...options }: WriteOptions & { readonly indent?: number } = {},
): Promise<void> {
  await writeWhole(file, `${JSON.stringify(value, null, indent)}\n`, options);
}

/** @throws Error naming the file that is not JSON; what readFile throws */
export async function readJson(file: string): Promise<unknown> {
  const text = await readText(file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file} is not JSON`, { cause });
  }
}
