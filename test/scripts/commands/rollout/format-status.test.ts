import { expect, it } from 'vitest';
import { NO_BLAST } from '../../../../domain/rollout/status/impact.ts';
import { newRollout } from '../../../../domain/rollout/state.ts';
import { statusOf } from '../../../../domain/rollout/status/status.ts';
import { rowLine, statusLines } from '../../../../scripts/commands/rollout/format-status.ts';
import { aPlan } from '../../../support/a-plan.ts';

const linesOf = (t0Ms: number | null) => {
  const radius = { ...NO_BLAST.radius, requests: 1234, failed: 60, seen: 2 };
  const state = { ...newRollout('retriever', 'v0', 0), t0Ms, blast: { ...NO_BLAST, radius } };
  return statusLines(statusOf(aPlan(), state), 0).join('\n');
};

it('a status says what the candidate did to users', () => {
  expect(linesOf(5)).toMatch(
    /blast radius +the candidate touched 1234 requests: 60 failed, of which users saw 2;/,
  );
});

it('and nothing of the kind before it had one', () => {
  expect(linesOf(null)).not.toContain('blast radius');
});

const row = {
  metric: 'listImbalance',
  verdict: 'pass',
  n: 1,
  interval: { low: 1, high: 1 },
  reason: 'imbalance factor 1.29',
  distance: null,
} as const;

it.each([
  ['has no interval where it was read off', row.interval, '✓ imbalance factor 1.29  n 1'],
  ['has it where it was sampled', { low: 0.001, high: 0.02 }, '✓ imbalance factor 1.29  n 1  [0.1, 2.0] %'],
])('a row %s', (_, interval, line) => {
  expect(rowLine({ ...row, interval })).toBe(line);
});
