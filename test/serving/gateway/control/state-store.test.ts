import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { firstState } from '../../../../domain/control/apply-command.ts';
import { createStateStore } from '../../../../serving/gateway/control/state-store.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'state-'));
});
afterEach(() => rm(folder, { recursive: true }));

const state = firstState({ release: 'v-1', flags: { impl: 'gru_v0', reranker: 'off', nprobe: 8 } }, 5);

it('has nothing at the first boot', async () => {
  expect(await createStateStore(folder).load()).toBeNull();
});

it('gives back what it was given, and leaves no other file', async () => {
  const store = createStateStore(join(folder, 'made', 'here'));
  await store.save(state);
  await store.save({ ...state, percent: 12.5 });
  expect(await store.load()).toEqual({ ...state, percent: 12.5 });
  expect(await readdir(join(folder, 'made', 'here'))).toEqual(['control.json']);
});

it('reads what an earlier gateway kept, which knew of no shadow and one split', async () => {
  const { shadowPercent, splitVersion: _, ...earlier } = state;
  await writeFile(join(folder, 'control.json'), JSON.stringify(earlier));
  expect(await createStateStore(folder).load()).toEqual({ ...state, shadowPercent });
});

it.each([
  ['half a file', JSON.stringify(state).slice(0, 80), /control\.json is not JSON/],
  ['an empty file', '', /control\.json is not JSON/],
  ['a percent of 500', JSON.stringify({ ...state, percent: 500 }), /control\.json .*percent/],
  [
    'a split that it does not know',
    JSON.stringify({ ...state, splitVersion: 99 }),
    /splitVersion.*start the newer one/,
  ],
  ['no lanes', JSON.stringify({ ...state, lanes: undefined }), /control\.json .*lanes/],
])('does not guess at %s: it names the file', async (_, text, message) => {
  await writeFile(join(folder, 'control.json'), text);
  await expect(createStateStore(folder).load()).rejects.toThrow(message);
});
