/** faiss-node, compiled by set-up against Debian's libfaiss. It has no setter for nprobe: the file is patched. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import faiss from 'faiss-node';
import { parseNpy } from '../../retrieval/release/npy.ts';
import { readLines } from '../../platform/text/lines.ts';
import type { Answer, Task } from '../engine.ts';

const NPROBE_OFFSET = 45;
const folder = mkdtempSync(join(tmpdir(), 'bench-faiss-node-'));
let opened: { key: string; index: faiss.Index } | null = null;

try {
  for await (const line of readLines('stdin', process.stdin))
    console.log(JSON.stringify(measure(line.json() as Task)));
} finally {
  rmSync(folder, { recursive: true });
}

function open(file: string, nprobe: number): faiss.Index {
  const key = `${file} ${nprobe}`;
  if (opened?.key === key) return opened.index;
  const bytes = readFileSync(file);
  if (bytes.toString('latin1', 0, 4) === 'IwFl') bytes.writeBigUInt64LE(BigInt(nprobe), NPROBE_OFFSET);
  const patched = join(folder, 'index.faiss');
  writeFileSync(patched, bytes);
  opened = { key, index: faiss.Index.read(patched) };
  return opened.index;
}

function measure({ index: file, queries: queriesFile, k, nprobe, batch }: Task): Answer {
  const index = open(file, nprobe);
  const { data } = parseNpy(readFileSync(queriesFile));
  const width = batch ? data.length : index.getDimension();
  const answer: Answer = { microseconds: [], ids: [], scores: [] };
  for (let from = 0; from < data.length; from += width) {
    const query = Array.from(data.subarray(from, from + width));
    const startedMs = performance.now();
    const { labels, distances } = index.search(query, k);
    answer.microseconds.push((performance.now() - startedMs) * 1000);
    answer.ids.push(...labels);
    answer.scores.push(...distances);
  }
  return answer;
}
