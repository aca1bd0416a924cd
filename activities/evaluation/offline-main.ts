/**
 * Child process of the workflow `evaluation`: looks at a release, asks a shard of its labelled queries, or puts shards
 * together. Progress goes to stdout as `asked N of M`.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { readJson, writeJson } from '../../platform/json-file.ts';
import type { CleanHits } from '../../retrieval/evaluation/clean.ts';
import { cleanHits, summariseClean } from '../../retrieval/evaluation/clean.ts';
import { loadEvaluationSet } from '../../retrieval/evaluation/set.ts';
import { logEnd } from '../../retrieval/ingest/replay.ts';
import { sha256Of } from '../../retrieval/release/checksums.ts';
import { flagsSchema, readManifest, ReleaseError } from '../../retrieval/release/manifest.ts';
import { serveJob } from '../jobs/job.ts';

const release = { dir: z.string(), ingestLog: z.string() };
const job = z.discriminatedUnion('step', [
  z.object({ step: z.literal('plan'), ...release, run: z.string() }),
  z.object({
    step: z.literal('shard'),
    ...release,
    flags: flagsSchema.nullable(),
    ingestUntil: z.number(),
    from: z.number(),
    to: z.number(),
    file: z.string(),
  }),
  z.object({
    step: z.literal('join'),
    dir: z.string(),
    flags: flagsSchema.nullable(),
    files: z.array(z.string()),
    out: z.string(),
    key: z.string(),
    about: z.record(z.string(), z.unknown()),
  }),
]);

type Job<S extends string> = Extract<z.infer<typeof job>, { step: S }>;

const hit = z.object({ query_id: z.string(), gold_id: z.string(), top_k: z.array(z.string()) });
const shardFile = z.object({
  plain: z.array(hit),
  reranked: z.array(hit),
  gone: z.array(z.string()),
  ntotal: z.int().positive(),
});

/** A progress line every so many queries. */
const SAY_EVERY = 20;

await serveJob(job, async (asked, say) => {
  if (asked.step === 'plan') return plan(asked);
  return asked.step === 'shard' ? shard(asked, say) : join(asked);
});

async function plan({ dir, ingestLog, run }: Job<'plan'>): Promise<object> {
  const manifest = await readManifest(dir);
  const { queries } = await loadEvaluationSet(dir);
  if (queries.length === 0) throw new ReleaseError('eval_queries.jsonl', 'holds no query');
  const { until } = await logEnd(ingestLog, manifest.ingestOffset);
  const content = await sha256Of(`${dir}/checksums.txt`);
  const key = createHash('sha256').update(`${run}\n${content}\n${until}`).digest('hex').slice(0, 16);
  return { queries: queries.length, ingestUntil: until, key };
}

async function shard(
  { dir, ingestLog, ingestUntil, flags, from, to, file }: Job<'shard'>,
  say: (line: string) => void,
): Promise<object> {
  const before = await readShard(file);
  if (before !== null) return { asked: to - from, reused: true };
  const hits = await cleanHits(dir, {
    shard: { from, to },
    ingest: { file: ingestLog, until: ingestUntil },
    ...(flags === null ? {} : { flags }),
    onProgress: (done, total) => {
      if (done % SAY_EVERY === 0) say(`asked ${done} of ${total}`);
    },
  });
  await writeJson(file, hits, { indent: 0 });
  return { asked: hits.plain.length, reused: false };
}

async function join({ dir, flags, files, out, key, about }: Job<'join'>): Promise<object> {
  const shards: CleanHits[] = [];
  for (const file of files) {
    const read = await readShard(file);
    if (read === null)
      throw new Error(`${file} is not there: do all workers see the same artifacts folder (ARTIFACTS_DIR)?`);
    shards.push(read);
  }
  const hits = {
    plain: shards.flatMap(({ plain }) => plain),
    reranked: shards.flatMap(({ reranked }) => reranked),
    gone: shards.flatMap(({ gone }) => gone),
    ntotal: shards[0]?.ntotal ?? 0,
  };
  const result = await summariseClean(dir, hits, flags ?? undefined);
  await writeJson(out, { key, ...about, ...result });
  return {};
}

/** Null where it is not there, or not whole: then it is asked again. */
async function readShard(file: string): Promise<CleanHits | null> {
  try {
    return shardFile.parse(await readJson(file));
  } catch {
    return null;
  }
}
