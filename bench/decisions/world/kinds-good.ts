/**
 * Good releases, and good ones in bad surroundings. After: retry storms, https://finagle.github.io/blog/2016/02/08/retry-budgets;
 * a cache that is lost with a deploy, https://svemulapati.com/case-study/cache-stampede; pods that restart when their memory is
 * used up, https://devseatit.com/incidents/kubernetes-oomkilled-memory-leak; half of the names resolve,
 * https://blog.i0.pm/posts/the-day-dns-took-down-everything-200710/; a dependency that comes and goes with edges,
 * https://stspg.io/ddx4g8kp1990; queries of a kind that nobody asked before,
 * https://gist.github.com/mlafeldt/6e02ea0caeebef1205b47f31c2647966; metrics that a release's own labels take down,
 * https://preproom.ai/code/oc-g269; pauses and neighbours, J. Dean and L. A. Barroso, The Tail at Scale, CACM 2013.
 */
import type { Effect } from './effects.ts';
import { HOUR, MINUTE } from './effects.ts';
import { FOREVER, ofClass, release } from './kind.ts';

const good = ofClass('good');
const env = ofClass('env');

/** So many times in 48 hours, for some minutes. */
const often =
  (times: number, minutes: readonly [number, number], what: Partial<Effect>) => (random: () => number) =>
    Array.from({ length: times }, (): Effect => {
      const fromMs = random() * 46 * HOUR;
      const toMs = fromMs + (minutes[0] + (minutes[1] - minutes[0]) * random()) * MINUTE;
      return { ...what, fromMs, toMs };
    });
const at =
  (hour: readonly [number, number], minutes: number, what: Partial<Effect>) => (random: () => number) => {
    const fromMs = (hour[0] + (hour[1] - hour[0]) * random()) * HOUR;
    return [{ ...what, fromMs, toMs: fromMs + minutes * MINUTE } satisfies Effect];
  };

export const GOOD = [
  good('as good as stable', () => []),
  good('a fifth faster', { slower: 0.8 }),
  good('finds a little more', { misses: -0.01, rAt5: -0.01 }),
  good('fewer errors', { errors: -0.0005 }),
  good('4 % slower', { slower: 1.04 }),
  good('other near-duplicates, as many', { duplicates: 0.003 }),
  good('caches cold after the deploy', { slower: 1.4, toMs: 14 * MINUTE }),
  good('heavier pauses of the collector, as stable has', () => [{ ...FOREVER, tail: 0.008, tailTimes: 4 }]),
  good('twice the traffic at T+10h', at([10, 11], 180, { load: 2, slower: 1.1, edgeMs: 20 * MINUTE })),
  good('quiet weekend', () => [{ ...FOREVER, load: 0.5 }]),
];

const EDGE = { edgeMs: MINUTE };
export const ENV = [
  env('the candidate restarts once', at([0.3, 30], 0.6, { lane: 'candidate', down: true })),
  env('stable restarts once', at([0.3, 20], 0.6, { lane: 'stable', down: true })),
  env('the candidate restarts four times', often(4, [0.3, 0.8], { lane: 'candidate', down: true })),
  env('both lanes restart with their machine', at([1, 40], 1, { down: true })),
  env('the gateway restarts each eight hours', often(6, [0.3, 0.3], { gatewayRestart: true })),
  env('the gateway restarts each hour', often(48, [0.3, 0.3], { gatewayRestart: true })),
  env('gaps of five minutes', often(3, [3, 6], { dark: true })),
  env('a gap of an hour at night', at([12, 16], 60, { dark: true })),
  env('scrapes fail one in ten', often(100, [0.3, 1.5], { dark: true })),
  env('a dependency fails half for three minutes', at([0.5, 22], 3, { errors: 0.5, ...EDGE })),
  env('a dependency fails a tenth for 15 minutes', at([0.5, 22], 15, { errors: 0.1, ...EDGE })),
  env('a dependency fails 2 % for an hour', at([0.5, 22], 60, { errors: 0.02, ...EDGE })),
  env('a dependency fails at 100 %', at([26, 44], 12, { errors: 0.1, ...EDGE })),
  env('both lanes fail 1.5 % at 100 %', at([26, 44], 40, { errors: 0.015, ...EDGE })),
  env('both lanes slow x3 for ten minutes', at([0.5, 22], 10, { slower: 3, ...EDGE })),
  env('both lanes slow x1.6 for two hours', at([0.5, 22], 120, { slower: 1.6, ...EDGE })),
  env('both lanes slow x4 at 100 %', at([26, 44], 15, { slower: 4, ...EDGE })),
  env('both lanes slow x1.5 at 100 % to the end', at([30, 44], 1_200, { slower: 1.5, ...EDGE })),
  env('a noisy neighbour of the candidate', often(2, [5, 25], { lane: 'candidate', slower: 1.8, ...EDGE })),
  env('a noisy neighbour of stable', often(2, [5, 25], { lane: 'stable', slower: 1.8, ...EDGE })),
  env(
    'the heaviest client storms with failing requests',
    at([0.5, 22], 20, { affected: { kind: 'heaviest' }, load: 5, errors: 0.5 }),
  ),
  env('one client fails for itself, all the time', () => [
    { ...FOREVER, affected: { kind: 'client', rank: 2 }, errors: 0.3 },
  ]),
  env(
    'a failing client of a fifth of all requests',
    at([1, 30], 90, { affected: { kind: 'heaviest' }, errors: 0.15 }),
  ),
  env(
    'the heaviest client asks out of domain',
    at([1, 20], 600, { affected: { kind: 'heaviest' }, misses: 0.35 }),
  ),
  env('all ask harder queries from T+25h', () => [{ ...FOREVER, fromMs: 25 * HOUR, misses: 0.07 }]),
  env('all ask harder queries at T+10h', at([9, 11], 300, { misses: 0.1 })),
  env('labels are noisy at the evaluation', () => [release({ rAt5: 0.008, toMs: 8 * HOUR })]),
  env('the evaluation is away for the morning', () => [release({ noEvaluation: true, toMs: 10 * HOUR })]),
  env('a crawler repeats one query', at([2, 20], 120, { affected: { kind: 'client', rank: 5 }, load: 60 })),
  env('a burst of errors of the candidate for 50 s', at([0.3, 30], 0.85, { lane: 'candidate', errors: 0.6 })),
];
