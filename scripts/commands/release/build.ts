import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ROOT } from '../../../platform/node-command.ts';
import { NAME_RULE, isName } from '../../../domain/core/name.ts';
import { buildRelease } from '../../../retrieval/build/release-builder.ts';
import { cacheFolder } from '../../../retrieval/encoder/corpus-vectors.ts';
import { encoderFolder } from '../../../retrieval/encoder/manifest.ts';
import { flagsSchema, RECIPES } from '../../../retrieval/release/manifest.ts';
import { command } from '../../cli/command.ts';
import { natural, seed } from '../../cli/options.ts';
import { showProgress } from '../../cli/progress.ts';

export const build = command({
  example: '--corpus chunks.jsonl --version my-release --predictors models/my-predictors',
  options: {
    corpus: { value: 'FILE', help: 'JSONL, a chunk a line: {"article","seq","text"}', schema: z.string() },
    version: { value: 'NAME', help: 'name of the release', schema: z.string().refine(isName, NAME_RULE) },
    predictors: {
      value: 'DIR',
      help: 'folder of the predictors',
      schema: z.string().default(() => join(ROOT, 'models/sample-predictors')),
    },
    encoder: { value: 'NAME', help: "the encoder (default: the sample's)", schema: z.string().optional() },
    seed,
    recipe: {
      value: 'NAME',
      help: `${RECIPES.join(', ')}: the faulty ones are for demos and tests`,
      schema: z.enum(RECIPES).default('good'),
    },
    flags: {
      value: 'FLAGS',
      help: 'what it serves with',
      schema: z.string().transform(parseFlags).pipe(flagsSchema).prefault('impl=amn_v0;reranker=on;nprobe=8'),
    },
    out: {
      value: 'DIR',
      help: 'folder of the releases',
      schema: z.string().default(() => join(ROOT, 'artifacts/releases')),
    },
    'ingest-offset': {
      value: 'BYTES',
      help: 'where in the ingest log the corpus ends',
      schema: natural.prefault('0'),
    },
  },
  async run({ predictors, encoder, out, 'ingest-offset': ingestOffset, ...options }) {
    const { dir, kind } = await buildRelease({
      ...options,
      ingestOffset,
      createdBy: 'retriever release build',
      predictorsDir: predictors,
      encoderDir: encoderFolder(ROOT, encoder),
      releasesDir: out,
      cacheDir: cacheFolder(process.env),
      threads: availableParallelism(),
      onProgress: showProgress(options.version),
    });
    return { passed: true, lines: [`${dir}: ${kind}`], result: { dir, kind } };
  },
});

function parseFlags(text: string): Record<string, string | number> {
  return Object.fromEntries(
    text.split(';').map((pair) => {
      const [name = '', value = ''] = pair.split('=');
      return [name, name === 'nprobe' ? Number(value) : value];
    }),
  );
}
