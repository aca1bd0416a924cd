/**
 * Releases that lose something. After: a leak that was seen when all hosts ran dry at once,
 * https://www.honeycomb.io/blog/incident-report-running-dry-on-memory-without-noticing; a tail that no P95 shows,
 * https://gitplumbers.com/blog/the-canary-that-saves-your-quarter-instrument-release-health-before-customers-sc; a canary that is
 * sound at 2 % and takes the metrics down at 100 %, https://preproom.ai/code/oc-g269.
 */
import { HOUR } from './effects.ts';
import { FOREVER, ofClass, release } from './kind.ts';

const tolerated = ofClass('tolerated');
const bad = ofClass('bad');
const blind = ofClass('blind');

export const TOLERATED = [
  tolerated('errors +0.1 points', { errors: 0.001 }),
  tolerated('P95 +8 %', { slower: 1.08 }),
  tolerated('proxy -1.5 points', { misses: 0.015, rAt5: 0.005 }),
  tolerated('R@5 -1 point', { rAt5: 0.01 }),
  tolerated('near-duplicates 2 %', { duplicates: 0.008 }),
];

export const BAD = [
  bad('errors 50 %', { errors: 0.5 }),
  bad('errors +5 points', { errors: 0.05 }),
  bad('errors +1 point', { errors: 0.01 }),
  bad('errors +0.6 points', { errors: 0.006 }),
  bad('errors +5 points from 50 % on', { errors: 0.05, fromPercent: 50 }),
  bad('errors +5 points at 100 %', { errors: 0.05, fromPercent: 100 }),
  bad('errors 50 % at T+10h', { errors: 0.5, fromMs: 10 * HOUR }),
  bad('errors +1 point at T+30h', { errors: 0.01, fromMs: 30 * HOUR }),
  bad('errors in one segment of a tenth', () => [
    release({ errors: 0.15, affected: { kind: 'segment', share: 0.1 } }),
  ]),
  bad('P95 x1.3', { slower: 1.3 }),
  bad('P95 x2', { slower: 2 }),
  bad('P95 x5', { slower: 5 }),
  bad('P95 x2 from 50 % on', { slower: 2, fromPercent: 50 }),
  bad('P95 x5 at 100 %', { slower: 5, fromPercent: 100 }),
  bad('P99 x5, P95 as before', { tail: 0.025, tailTimes: 6 }),
  bad('slow leak of 2 % an hour', { leakPerHour: 0.02 }),
  bad('proxy -6 points', { misses: 0.06, rAt5: 0.06 }),
  bad('proxy -25 points', { misses: 0.25, rAt5: 0.2 }),
  bad('R@5 -4 points, proxy as before', { rAt5: 0.04 }),
  bad('R@5 -12 points', { rAt5: 0.12, misses: 0.02 }),
  bad('quality lost in one segment of a fifth', () => [
    release({ misses: 0.4, rAt5: 0.05, affected: { kind: 'segment', share: 0.2 } }),
  ]),
  bad('a tenth of the answers is empty', { empty: 0.1, misses: 0.1, rAt5: 0.08 }),
  bad('near-duplicates 8 %', { duplicates: 0.08 }),
  bad('crashes each 20 minutes', () =>
    Array.from({ length: 150 }, (_, i) =>
      release({ fromMs: i * 20 * 60_000 + 60_000, toMs: i * 20 * 60_000 + 120_000, down: true }),
    ),
  ),
];

export const BLIND = [
  blind('no metrics from T0 on', () => [{ ...FOREVER, dark: true }]),
  blind('no metrics after an hour', () => [{ ...FOREVER, fromMs: HOUR, dark: true }]),
  blind('metrics repeat an old body', () => [{ ...FOREVER, fromMs: 3 * HOUR, stale: true }]),
  blind('the candidate gets no users', { noUsers: true }),
  blind('no evaluation answers', { noEvaluation: true }),
];
