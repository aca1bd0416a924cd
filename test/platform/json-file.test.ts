import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readJson, writeJson } from '../../platform/json-file.ts';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'json-'))));
afterAll(async () => rm(folder, { recursive: true }));

describe('a JSON file', () => {
  it('holds what was written, in a folder that was not there, and nothing lies beside it', async () => {
    const file = join(folder, 'new/one.json');
    await writeJson(file, { b: [1] });
    expect(await readJson(file)).toEqual({ b: [1] });
    expect(await readFile(file, 'utf8')).toBe('{\n  "b": [\n    1\n  ]\n}\n');
    expect(await readdir(join(folder, 'new'))).toEqual(['one.json']);
  });

  it('is for its owner alone where that is asked', async () => {
    const file = join(folder, 'secret.json');
    await writeJson(file, {}, { mode: 0o600 });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('stays as it was where the new value cannot be written', async () => {
    const file = join(folder, 'kept.json');
    await writeJson(file, 'before');
    await expect(writeJson(file, { of: 1n })).rejects.toThrow('BigInt');
    expect(await readJson(file)).toBe('before');
  });

  it('is another file once it is written again: a reader of the old one reads it to its end', async () => {
    const file = join(folder, 'twice.json');
    await writeJson(file, 1);
    const { ino } = await stat(file);
    await writeJson(file, 2);
    expect((await stat(file)).ino).not.toBe(ino);
  });

  it('is named where it is not JSON', async () => {
    const file = join(folder, 'half.json');
    await writeFile(file, '{"a":');
    await expect(readJson(file)).rejects.toThrow(`${file} is not JSON`);
  });
});
