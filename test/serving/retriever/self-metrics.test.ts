import { expect, it } from 'vitest';
import { LaneCounting } from '../../../serving/retriever/self-metrics.ts';

const MINUTE = 60_000;
const index = {
  rows: 12,
  added: 2,
  removed: 0,
  meanNorm: 1,
  listSizes: Uint32Array.from([2, 10]),
  imbalance: 1.4,
};
const texts = { hits: 3, misses: 1 };

function lane() {
  const world = { nowMs: 0, memoryBytes: 100 };
  const counting = new LaneCounting({
    rowsBuilt: 10,
    built: { imbalance: 1.1 },
    now: () => world.nowMs,
    memoryBytes: () => world.memoryBytes,
  });
  return { world, counting };
}

it('[C5] takes the baseline of its memory once, 15 minutes after it was ready', () => {
  const { world, counting } = lane();
  const memory = (atMs: number, bytes: number) => {
    Object.assign(world, { nowMs: atMs, memoryBytes: bytes });
    const { own } = counting.report(index, texts);
    return [own.memoryBytes, own.memoryBaselineBytes];
  };
  expect(memory(14 * MINUTE, 200)).toEqual([200, null]);
  expect(memory(15 * MINUTE, 210)).toEqual([210, 210]);
  expect(memory(60 * MINUTE, 300)).toEqual([300, 210]);
});

it('sums up what was looked at, and says what the release was built with', () => {
  const { counting } = lane();
  for (const duplicateShare of [0.1, 0, null, 0.3])
    counting.inspected({ duplicateShare, encodedNorm: duplicateShare === 0 ? null : 1.5 });
  for (const results of [10, 0, 3]) counting.answered(results);
  counting.recalled({ found: 9, expected: 10 });
  counting.recalled({ found: 8, expected: 8 });
  const { own, listRows } = counting.report(index, texts);
  expect(own).toMatchObject({
    answers: 3,
    emptyAnswers: 1,
    inspected: 3,
    norms: 3,
    normErrors: 1.5,
    recallQueries: 2,
    recallFound: 17,
    recallMissed: 1,
    largestList: 10,
    medianList: 2,
    textsCached: 3,
    textsEncoded: 1,
    rows: 12,
    rowsBuilt: 10,
    imbalance: 1.4,
    imbalanceBuilt: 1.1,
  });
  expect(own.duplicateShares).toBeCloseTo(0.4);
  expect(own.duplicateShareSquares).toBeCloseTo(0.1);
  expect(listRows).toMatchObject({ 0: 2, 1: 10 });
});
