import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { followLog } from '../../../retrieval/ingest/follow.ts';
import { parseRecord } from '../../../retrieval/ingest/record.ts';
import { openAppendLog } from '../../../platform/append-log.ts';
import { keepIngestLog } from '../../../serving/gateway/ingest-log.ts';

let folder = '';
let file = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingest-log-'));
  file = join(folder, 'deep', 'log.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

const remove = (id: string) => ({ op: 'remove', id }) as const;
const lines = async () => (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');

it('holds what was appended, in the order in which it was asked for, and says how long it is', async () => {
  const log = await openAppendLog(file);
  const offsets = await Promise.all(
    Array.from({ length: 50 }, async (_, i) => log.append(remove(`id ${i}`))),
  );
  await log.close();
  expect((await lines()).map(parseRecord)).toEqual(Array.from({ length: 50 }, (_, i) => remove(`id ${i}`)));
  expect(offsets.at(-1)).toBe((await readFile(file)).length);
});

it('cuts off what a killed gateway left behind the last line end, however long that is', async () => {
  const log = await openAppendLog(file);
  await log.append(remove('kept'));
  await log.close();
  await appendFile(file, `{"op":"put","text":"${'x'.repeat(200_000)}`);
  const again = await openAppendLog(file);
  await again.append(remove('next'));
  await again.close();
  expect((await lines()).map(parseRecord)).toEqual([remove('kept'), remove('next')]);
});

it('is followed from a byte on, one whole line after the other', async () => {
  const heard: string[] = [];
  const follow = (offset: number) =>
    followLog(file, offset, async (line) => {
      heard.push(line.toString());
    });
  const follower = follow(0);
  await follower.catchUp();
  expect(heard).toEqual([]);
  const log = await openAppendLog(file);
  const first = await log.append(remove('a'));
  await appendFile(file, '{"op":"remo');
  await follower.catchUp();
  await appendFile(file, 've","id":"b"}\n');
  await follower.catchUp();
  await log.close();
  expect(heard.map(parseRecord)).toEqual([remove('a'), remove('b')]);
  expect(follower.offset).toBe((await readFile(file)).length);

  heard.length = 0;
  await follow(first).catchUp();
  expect(heard.map(parseRecord)).toEqual([remove('b')]);
});

it('costs a lane that asks ten times a second no memory while nothing new is there', async () => {
  const log = await openAppendLog(file);
  await log.append(remove('a'));
  await log.close();
  const follower = followLog(file, 0, async () => {});
  await follower.catchUp();
  let grown = 0;
  for (let i = 0; i < 20; i++) {
    const before = process.memoryUsage().arrayBuffers;
    await follower.catchUp();
    grown += Math.max(0, process.memoryUsage().arrayBuffers - before);
  }
  // 4 MiB each time had the collector stop a lane twice a second.
  expect(grown).toBeLessThan(1024 * 1024);
});

it.each([
  ['within a line', 3],
  ['beyond its end', 10_000],
])('is refused by name to a release whose offset is %s', async (_, offset) => {
  const log = await openAppendLog(file);
  await log.append(remove('a'));
  await log.close();
  await expect(followLog(file, offset, async () => {}).catchUp()).rejects.toThrow(
    /log\.jsonl has no line that begins at byte/,
  );
});

it('is refused to a release that was built on a log which is gone', async () => {
  await expect(followLog(file, 5, async () => {}).catchUp()).rejects.toThrow(/ENOENT/);
});

it('tells what is no record', async () => {
  await writeFile(join(folder, 'other'), '');
  expect(() => parseRecord('{"op":"put","id":"a"}')).toThrow(/article: .*vector: /);
  expect(() => parseRecord('{"op":"drop","id":"a"}')).toThrow(/op/);
});

it('that cannot be opened is reported, and opened by the first append that can', async () => {
  await writeFile(join(folder, 'deep'), 'a file where the folder should be');
  const reported: unknown[] = [];
  const log = await keepIngestLog(file, (error) => reported.push(error));
  await expect(log.append(remove('early'))).rejects.toThrow(/EEXIST|ENOTDIR/);
  await rm(join(folder, 'deep'));
  await Promise.all([log.append(remove('a')), log.append(remove('b'))]);
  await log.close();
  expect((await lines()).map(parseRecord)).toEqual([remove('a'), remove('b')]);
  expect(reported).toHaveLength(1);
});
