/** This project's engine, timed as JavaScript sees it; with `--clock scan` on the pool's thread alone. */
import { parseArgs } from 'node:util';
import type { NativeIndex } from '../../native/index.ts';
import { openIndex } from '../../native/index.ts';
import { readNpy } from '../../retrieval/release/npy.ts';
import { readLines } from '../../platform/text/lines.ts';
import type { Answer, Task } from '../engine.ts';

const { values } = parseArgs({ options: { clock: { type: 'string', default: 'call' } } });
const indexes = new Map<string, NativeIndex>();

for await (const line of readLines('stdin', process.stdin)) {
  const task = line.json() as Task;
  console.log(JSON.stringify(await measure(task)));
}

async function measure({ index: file, queries: queriesFile, k, nprobe, batch }: Task): Promise<Answer> {
  const index = indexes.get(file) ?? (await openIndex(file));
  indexes.set(file, index);
  const { data } = await readNpy(queriesFile);
  const width = batch ? data.length : index.dimension;
  const answer: Answer = { microseconds: [], ids: [], scores: [] };
  for (let from = 0; from < data.length; from += width) {
    const query = data.subarray(from, from + width);
    const startedMs = performance.now();
    const { ids, scores, scanMs } = await index.search(query, k, nprobe);
    answer.microseconds.push((values.clock === 'scan' ? scanMs : performance.now() - startedMs) * 1000);
    answer.ids.push(...Array.from(ids, Number));
    answer.scores.push(...scores);
  }
  return answer;
}
