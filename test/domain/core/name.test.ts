import { expect, it } from 'vitest';
import { readEvaluationInput } from '../../../domain/evaluation/input.ts';
import { readMonitorInput } from '../../../domain/alerts/input.ts';
import { NAME_RULE, isName } from '../../../domain/core/name.ts';
import { readRolloutInput } from '../../../domain/rollout/input.ts';

const NAMES = ['v-1', 'v0', 'retriever_v0', 'weekly-20261130', 'a', '1.2.3', 'A'.repeat(100)];
const NONE = [
  '',
  ' ',
  'v-1/',
  '../v-1',
  'a/b',
  '..',
  '.',
  'v1..2',
  'v1.',
  '.v1',
  '-v1',
  '_v1',
  'v 1',
  'v1\n',
  'ü',
  'A'.repeat(101),
  null,
  7,
];

it.each(NAMES)('%s is a name', (name) => {
  expect(isName(name)).toBe(true);
  expect(readRolloutInput({ candidate: name })).toHaveProperty('input');
  expect(readEvaluationInput({ release: name })).toHaveProperty('input');
});

it.each(NONE)('%j is none, and every input says by which rule', (name) => {
  expect(isName(name)).toBe(false);
  const rule = `${NAME_RULE}, not ${JSON.stringify(name)}`;
  expect(readRolloutInput({ candidate: name })).toEqual({ problems: [`candidate: ${rule}`] });
  expect(readMonitorInput({ service: name })).toEqual({ problems: [`service: ${rule}`] });
});

it.each(['v-1/', 'a/b', '..'])('an evaluation of %j is refused by it as well', (name) => {
  const rule = `${NAME_RULE}, not ${JSON.stringify(name)}`;
  expect(readEvaluationInput({ release: name })).toEqual({ problems: [`release: ${rule}`] });
});
