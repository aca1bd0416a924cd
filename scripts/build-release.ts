/**
 * Makes a release folder out of a corpus: `tsx scripts/build-release.ts --corpus FILE --version V [--predictors DIR]
 * [--encoder NAME] [--seed N] [--recipe R] [--flags impl=amn_v0;reranker=on;nprobe=8] [--out DIR] [--ingest-offset BYTES]`
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { NAME_RULE, isName } from '../domain/core/name.ts';
import { buildRelease } from '../retrieval/build/release-builder.ts';
import { cacheFolder } from '../retrieval/encoder/corpus-vectors.ts';
import { encoderFolder } from '../retrieval/encoder/manifest.ts';
import { flagsSchema, RECIPES } from '../retrieval/release/manifest.ts';
import { showProgress } from './build/progress.ts';
import { readOptions, refuse } from './tool/usage.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const optionsSchema = z.object({
  corpus: z.string(),
  version: z.string().refine(isName, NAME_RULE),
  predictors: z.string(),
  encoder: z.string().optional(),
  seed: z.coerce.number().int(),
  recipe: z.enum(RECIPES),
  flags: z.string().transform(parseFlags).pipe(flagsSchema),
  out: z.string(),
  'ingest-offset': z.coerce.number().int().nonnegative(),
});

function parseFlags(text: string): Record<string, string | number> {
  return Object.fromEntries(
    text.split(';').map((pair) => {
      const [name = '', value = ''] = pair.split('=');
      return [name, name === 'nprobe' ? Number(value) : value];
    }),
  );
}

const USAGE =
  'usage: build-release --corpus FILE --version V [--predictors DIR] [--encoder NAME] [--seed N] [--recipe R] [--flags impl=amn_v0;reranker=on;nprobe=8] [--out DIR] [--ingest-offset BYTES]';
const values = readOptions(USAGE, {
  options: {
    corpus: { type: 'string' },
    version: { type: 'string' },
    predictors: { type: 'string', default: join(ROOT, 'models/sample-predictors') },
    encoder: { type: 'string' },
    seed: { type: 'string', default: '1' },
    recipe: { type: 'string', default: 'good' },
    flags: { type: 'string', default: 'impl=amn_v0;reranker=on;nprobe=8' },
    out: { type: 'string', default: join(ROOT, 'artifacts/releases') },
    'ingest-offset': { type: 'string', default: '0' },
  },
});
const parsed = optionsSchema.safeParse(values);
if (!parsed.success) {
  const problems = parsed.error.issues.map(({ path, message }) => {
    const name = String(path[0]) as keyof typeof values;
    return values[name] === undefined ? `--${name} is missing` : `--${path.join('.')}: ${message}`;
  });
  refuse(problems.join('\n'), USAGE);
}
const { predictors, encoder, out, 'ingest-offset': ingestOffset, ...options } = parsed.data;
try {
  const { dir, kind } = await buildRelease({
    ...options,
    ingestOffset,
    createdBy: 'scripts/build-release.ts',
    predictorsDir: predictors,
    encoderDir: encoderFolder(ROOT, encoder),
    releasesDir: out,
    cacheDir: cacheFolder(process.env),
    threads: availableParallelism(),
    onProgress: showProgress(options.version),
  });
  console.log(`${dir}: ${kind}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
