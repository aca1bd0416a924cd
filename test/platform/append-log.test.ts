import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appendSynced, cutTornLine, readLog } from '../../platform/append-log.ts';

let folder = '';
let file = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'append-log-'));
  file = join(folder, 'deep', 'log.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

const values = async () => (await readLog(file)).lines.map((line) => line.json());

describe('a log to which lines are appended', () => {
  it('is empty where there is no file, and is made with its folder by the first line', async () => {
    expect(await readLog(file)).toEqual({ lines: [], bytes: 0, size: 0 });
    expect(await appendSynced(file, '{"a":1}\n')).toBe(8);
    expect(await appendSynced(file, '{"b":"ü"}\n')).toBe(11);
    expect(await values()).toEqual([{ a: 1 }, { b: 'ü' }]);
  });

  it('has no line of what a death cut short, and loses none that follows it', async () => {
    await appendSynced(file, '{"a":1}\n');
    await appendFile(file, '{"b":');
    expect(await readLog(file)).toMatchObject({ bytes: 8, size: 13 });
    expect(await values()).toEqual([{ a: 1 }]);
    await appendSynced(file, '{"c":3}\n');
    expect(await readFile(file, 'utf8')).toBe('{"a":1}\n{"b":\n{"c":3}\n');
  });

  it('is whole again once the torn line is cut off', async () => {
    await appendSynced(file, '{"a":1}\n');
    await appendFile(file, '{"b":');
    await cutTornLine(file, await readLog(file));
    await appendSynced(file, '{"c":3}\n');
    expect(await values()).toEqual([{ a: 1 }, { c: 3 }]);
  });
});
