import { expect, it } from 'vitest';
import { tool } from '../support/tool-process.ts';

it.each([
  ['demo'],
  ['start'],
  ['traffic'],
  ['build-release'],
  ['build-samples'],
  ['train-predictors'],
  ['simulate-aa'],
  ['measure-gateway'],
  ['measure-shadow'],
  ['make-corpus'],
  ['export-mpnet'],
  ['../bench/main'],
  ['../bench/decisions/main'],
])('%s says how it is used, and refuses an option that there is not with exit code 2', async (name) => {
  const [help, wrong] = await Promise.all([tool(name, '--help'), tool(name, '--bogus')]);
  expect(help).toMatchObject({ code: 0, stdout: expect.stringMatching(/^usage: /i), stderr: '' });
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/bogus.*[^]*\nusage: /i) });
  expect(wrong.stderr).not.toContain('    at ');
});

it.each([
  ['start', ['--traffic', 'abc'], /--traffic must be a number above 0, not abc/, 2],
  ['traffic', ['--rate', 'abc'], /--rate must be a number above 0, not abc/, 2],
  ['traffic', ['--release', '/nosuch'], /--release: there is no release in \/nosuch/, 2],
  ['build-release', [], /--corpus is missing\n--version is missing/, 2],
  ['demo', ['--plan', 'nosuch'], /there is no plan nosuch; there are: .*runbook-48h/, 1],
])('%s %j is refused before anything starts', async (name, args, words, code) => {
  const ended = await tool(name, ...args);
  expect(ended.stderr).toMatch(words);
  expect(ended.code).toBe(code);
});
