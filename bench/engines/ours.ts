/** This project's engine, as JavaScript sees it: a call, the scan on the pool, a promise. */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { NativeIndex } from '../../native/index.ts';
import { openIndex } from '../../native/index.ts';
import { parseNpy } from '../../retrieval/release/npy.ts';
import type { Answer, Task } from '../engine.ts';

const indexes = new Map<string, NativeIndex>();

for await (const line of createInterface({ input: process.stdin })) {
  const task: Task = JSON.parse(line);
  console.log(JSON.stringify(await measure(task)));
}

async function measure({ index: file, queries: queriesFile, k, nprobe, batch }: Task): Promise<Answer> {
  const index = indexes.get(file) ?? (await openIndex(file));
  indexes.set(file, index);
  const { data } = parseNpy(await readFile(queriesFile));
  const width = batch ? data.length : index.dimension;
  const answer: Answer = { microseconds: [], ids: [], scores: [] };
  for (let from = 0; from < data.length; from += width) {
    const query = data.subarray(from, from + width);
    const startedMs = performance.now();
    const { ids, scores } = await index.search(query, k, nprobe);
    answer.microseconds.push((performance.now() - startedMs) * 1000);
    answer.ids.push(...Array.from(ids, Number));
    answer.scores.push(...scores);
  }
  return answer;
}
