/**
 * Builds the sample releases into artifacts/releases: `v-1`, `retriever_v0` and four faulty ones; those of another
 * encoder than the sample's into a folder of their own. `--also NAME` builds one that set-up leaves out, as it is large. The last step of set-up: with nothing to do it takes a fraction of a second, and it may be killed anywhere and run again.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Flags } from '../domain/control/state.ts';
import { cacheFolder } from '../retrieval/encoder/corpus-vectors.ts';
import { encoderFolder } from '../retrieval/encoder/manifest.ts';
import { sha256Of } from '../retrieval/release/checksums.ts';
import { readManifest } from '../retrieval/release/manifest.ts';
import type { Recipe } from '../retrieval/release/manifest.ts';
import { ownFiles } from '../retrieval/release/own-files.ts';
import { samplePlaces } from './build/places.ts';
import { showProgress } from './build/progress.ts';
import { readOptions, refuse } from './tool/usage.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CORPUS = join(ROOT, '.data/corpus/wikipedia-sample.jsonl');
const {
  encoder: ENCODER,
  predictors: PREDICTORS,
  releases: RELEASES,
  stamp: STAMP,
} = samplePlaces(ROOT, process.env);
/** On the same disk as the releases: they are moved into place. */
const ASIDE = join(RELEASES, '.samples');
/** That of the predictors' training: with another, articles they have seen would be evaluated. */
const SEED = 1;
const NPROBE = 8;
const CREATED_BY = 'scripts/build-samples.ts';

interface Sample {
  readonly version: string;
  readonly recipe: Recipe;
  readonly flags: Flags;
}

const NEW: Flags = { impl: 'amn_v0', reranker: 'on', nprobe: NPROBE };
const SAMPLES: readonly Sample[] = [
  { version: 'v-1', recipe: 'good', flags: { impl: 'gru_v0', reranker: 'off', nprobe: NPROBE } },
  { version: 'retriever_v0', recipe: 'good', flags: NEW },
  { version: 'bad-norms', recipe: 'bad-norms', flags: NEW },
  { version: 'bad-ids', recipe: 'bad-ids', flags: NEW },
  { version: 'bad-predictor', recipe: 'bad-predictor', flags: NEW },
  { version: 'bad-crash', recipe: 'bad-crash', flags: NEW },
];

/** Over half a gigabyte. */
const ON_DEMAND: readonly Sample[] = [{ version: 'bad-latency', recipe: 'bad-latency', flags: NEW }];

/** What was built from what: version to the sha256 of its checksums.txt, which covers every file. */
const stampSchema = z.object({ key: z.string(), built: z.record(z.string(), z.string()) });
type Stamp = z.infer<typeof stampSchema>;

/** What the samples follow from: the corpus, the encoder, the predictors, and the code that builds. */
async function contentKey(encoderDir: string): Promise<string> {
  const code = (await readdir(join(ROOT, 'retrieval'), { recursive: true })).filter((file) =>
    file.endsWith('.ts'),
  );
  const inputs = [
    CORPUS,
    join(encoderDir, 'manifest.json'),
    join(PREDICTORS, 'manifest.json'),
    join(ROOT, 'domain/evaluation/ranking-metrics.ts'),
    fileURLToPath(import.meta.url),
    ...code.toSorted().map((file) => join(ROOT, 'retrieval', file)),
  ];
  const hash = createHash('sha256');
  for (const file of inputs) hash.update(await readFile(file));
  return hash.digest('hex');
}

async function readStamp(): Promise<Stamp> {
  const text = await readFile(STAMP, 'utf8').catch(() => '');
  const parsed = text === '' ? null : stampSchema.safeParse(JSON.parse(text));
  return parsed?.success === true ? parsed.data : { key: '', built: {} };
}

async function writeStamp(stamp: Stamp): Promise<void> {
  await writeFile(`${STAMP}.part`, JSON.stringify(stamp));
  await rename(`${STAMP}.part`, STAMP);
}

/** sha256 of a release's checksums.txt; null where there is no such release. */
async function identityOf(dir: string): Promise<string | null> {
  return sha256Of(join(dir, 'checksums.txt')).catch(() => null);
}

/** Whether this command made that release: another of the same name is the user's, and stays. */
async function isSample(dir: string): Promise<boolean> {
  const manifest = await readManifest(dir).catch(() => null);
  return manifest === null || manifest.createdBy === CREATED_BY;
}

async function buildSample({ version, recipe, flags }: Sample, encoderDir: string): Promise<string> {
  // The builder with its native parts is loaded only where there is something to build.
  const { buildRelease } = await import('../retrieval/build/release-builder.ts');
  const { dir } = await buildRelease({
    corpus: CORPUS,
    version,
    recipe,
    flags,
    createdBy: CREATED_BY,
    predictorsDir: PREDICTORS,
    encoderDir,
    seed: SEED,
    releasesDir: ASIDE,
    cacheDir: cacheFolder(process.env),
    threads: availableParallelism(),
    onProgress: showProgress(version),
  });
  return dir;
}

const USAGE = 'usage: build-samples [--also NAME]';

/** The samples of set-up, and the large ones that are asked for. */
function wanted(): readonly Sample[] {
  const { also } = readOptions(USAGE, {
    options: { also: { type: 'string', multiple: true, default: [] } },
  });
  const named = also.map((name) => {
    const sample = ON_DEMAND.find(({ version }) => version === name);
    if (sample !== undefined) return sample;
    const there = ON_DEMAND.map(({ version }) => version).join(', ');
    return refuse(`--also: there is no sample ${name}; there are ${there}`, USAGE);
  });
  return [...SAMPLES, ...named];
}

const samples = wanted();
const encoderDir = encoderFolder(ROOT, ENCODER);
const key = await contentKey(encoderDir);
const before = await readStamp();
// What is there of the same content is remembered, also where nobody asks for it now.
const built: Record<string, string> = before.key === key ? { ...before.built } : {};
for (const sample of samples) {
  const dir = join(RELEASES, sample.version);
  const there = await identityOf(dir);
  if (there !== null && there === before.built[sample.version] && before.key === key) {
    built[sample.version] = there;
    continue;
  }
  if (there !== null && !(await isSample(dir))) {
    console.error(`${sample.version}: there is a release of this name that is not the sample; left as it is`);
    built[sample.version] = there;
    continue;
  }
  const fresh = await buildSample(sample, encoderDir);
  const identity = (await identityOf(fresh)) ?? '';
  if (identity !== there) {
    await rm(dir, { recursive: true, force: true });
    await mkdir(RELEASES, { recursive: true });
    await rename(fresh, dir);
  } else {
    // Of the same content, but as an older set-up left it: writable, and with files that other samples share.
    await ownFiles(dir);
  }
  built[sample.version] = identity;
}
await rm(ASIDE, { recursive: true, force: true });
if (before.key !== key || samples.some(({ version }) => before.built[version] !== built[version])) {
  await writeStamp({ key, built });
}
