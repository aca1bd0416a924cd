import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Installs the packages of a requirements.txt from PyPI's wheels, once for each content of it, and resolves with the
 * folder for PYTHONPATH. Throws pip's own words.
 */
export async function pythonPackages(requirements: string, dataDir: string): Promise<string> {
  const key = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 16);
  const folder = join(dataDir, 'python', key);
  if (existsSync(folder)) return folder;
  await mkdir(dirname(folder), { recursive: true });
  const aside = await mkdtemp(`${folder}.`);
  try {
    const options = ['--quiet', '--disable-pip-version-check', '--only-binary', ':all:', '--target', aside];
    await promisify(execFile)('python3', ['-m', 'pip', 'install', ...options, '-r', requirements]);
    await rename(aside, folder);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return folder;
}
