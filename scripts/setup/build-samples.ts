import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ROOT } from '../../platform/node-command.ts';
import type { Flags } from '../../domain/control/state.ts';
import { cacheFolder } from '../../retrieval/encoder/corpus-vectors.ts';
import { encoderFolder } from '../../retrieval/encoder/manifest.ts';
import { sha256Of } from '../../retrieval/release/checksums.ts';
import { readManifest } from '../../retrieval/release/manifest.ts';
import type { Recipe } from '../../retrieval/release/manifest.ts';
import { ownFiles } from '../../retrieval/release/own-files.ts';
import { samplePaths } from './sample-paths.ts';
import { showProgress } from '../cli/progress.ts';
import { UsageError, command } from '../cli/command.ts';

const CORPUS = join(ROOT, '.data/corpus/wikipedia-sample.jsonl');
/** That of the predictors' training: with another, articles they have seen would be evaluated. */
const SEED = 1;
const NPROBE = 8;
const CREATED_BY = 'retriever setup samples';
/** What samples of the version before say. */
const CREATED_BY_BEFORE = 'scripts/build-samples.ts';

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
async function contentKey(encoderDir: string, predictors: string): Promise<string> {
  const code = (await readdir(join(ROOT, 'retrieval'), { recursive: true })).filter((file) =>
    file.endsWith('.ts'),
  );
  const inputs = [
    CORPUS,
    join(encoderDir, 'manifest.json'),
    join(predictors, 'manifest.json'),
    join(ROOT, 'domain/evaluation/ranking-metrics.ts'),
    fileURLToPath(import.meta.url),
    ...code.toSorted().map((file) => join(ROOT, 'retrieval', file)),
  ];
  const hash = createHash('sha256');
  for (const file of inputs) hash.update(await readFile(file));
  return hash.digest('hex');
}

async function readStamp(file: string): Promise<Stamp> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const parsed = text === '' ? null : stampSchema.safeParse(JSON.parse(text));
  return parsed?.success === true ? parsed.data : { key: '', built: {} };
}

async function writeStamp(file: string, stamp: Stamp): Promise<void> {
  await writeFile(`${file}.part`, JSON.stringify(stamp));
  await rename(`${file}.part`, file);
}

/** sha256 of a release's checksums.txt; null where there is no such release. */
async function identityOf(dir: string): Promise<string | null> {
  return sha256Of(join(dir, 'checksums.txt')).catch(() => null);
}

/** Whether this command made that release: another of the same name is the user's, and stays. */
async function isSample(dir: string): Promise<boolean> {
  const manifest = await readManifest(dir).catch(() => null);
  return manifest === null || [CREATED_BY, CREATED_BY_BEFORE].includes(manifest.createdBy);
}

interface Places {
  readonly encoderDir: string;
  readonly predictors: string;
  readonly releases: string;
  /** On the same disk as the releases, which are moved into place. */
  readonly aside: string;
}

async function buildSample({ version, recipe, flags }: Sample, places: Places): Promise<string> {
  // The builder with its native parts is loaded only where there is something to build.
  const { buildRelease } = await import('../../retrieval/build/release-builder.ts');
  const { dir } = await buildRelease({
    corpus: CORPUS,
    version,
    recipe,
    flags,
    createdBy: CREATED_BY,
    predictorsDir: places.predictors,
    encoderDir: places.encoderDir,
    seed: SEED,
    releasesDir: places.aside,
    cacheDir: cacheFolder(process.env),
    threads: availableParallelism(),
    onProgress: showProgress(version),
  });
  return dir;
}

/** The last step of set-up: with nothing to do it takes a fraction of a second, and it may be killed anywhere and run again. */
export const samples = command({
  example: '--also bad-latency',
  options: {
    also: {
      value: 'NAME',
      multiple: true,
      help: `builds one that set-up leaves out, as it is large: ${ON_DEMAND.map(({ version }) => version).join(', ')}`,
      schema: z.array(z.string()).default([]),
    },
  },
  async run({ also }) {
    const wanted = [...SAMPLES, ...also.map(onDemand)];
    const { encoder, predictors, releases, stamp } = samplePaths(ROOT, process.env);
    const encoderDir = encoderFolder(ROOT, encoder);
    const key = await contentKey(encoderDir, predictors);
    const before = await readStamp(stamp);
    const places = { encoderDir, predictors, releases, aside: join(releases, '.samples') };
    // What is there of the same content is remembered, also where nobody asks for it now.
    const built: Record<string, string> = before.key === key ? { ...before.built } : {};
    for (const sample of wanted) built[sample.version] = await ensureSample(sample, built, places);
    await rm(places.aside, { recursive: true, force: true });
    if (before.key !== key || wanted.some(({ version }) => before.built[version] !== built[version]))
      await writeStamp(stamp, { key, built });
    return { passed: true, lines: [], result: { releases, built } };
  },
});

/** @returns the identity of the release of this name that is there now: kept, the user's own, or built */
async function ensureSample(sample: Sample, built: Stamp['built'], places: Places): Promise<string> {
  const { version } = sample;
  const dir = join(places.releases, version);
  const there = await identityOf(dir);
  if (there !== null && there === built[version]) return there;
  if (there !== null && !(await isSample(dir))) {
    console.error(`${version}: there is a release of this name that is not the sample; left as it is`);
    return there;
  }
  const fresh = await buildSample(sample, places);
  const identity = (await identityOf(fresh)) ?? '';
  if (identity !== there) {
    await rm(dir, { recursive: true, force: true });
    await mkdir(places.releases, { recursive: true });
    await rename(fresh, dir);
  } else {
    // Of the same content, but as an older set-up left it: writable, and with files that other samples share.
    await ownFiles(dir);
  }
  return identity;
}

function onDemand(name: string): Sample {
  const sample = ON_DEMAND.find(({ version }) => version === name);
  if (sample !== undefined) return sample;
  const known = ON_DEMAND.map(({ version }) => version).join(', ');
  throw new UsageError(`--also: there is no sample ${name}; there are ${known}`);
}
