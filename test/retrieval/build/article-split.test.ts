import { describe, expect, it } from 'vitest';
import { extendSplit, splitArticles } from '../../../retrieval/build/article-split.ts';

const names = (n: number) => Array.from({ length: n }, (_, i) => `article ${i}`);

describe('articles are split', () => {
  it.each([3, 4, 5, 7, 14, 85, 400])('%i of them into three parts, none empty, each article in one', (n) => {
    const { predictor, reranker, evaluation } = splitArticles(names(n), 1);
    expect(Math.min(predictor.length, reranker.length, evaluation.length)).toBeGreaterThan(0);
    expect([...predictor, ...reranker, ...evaluation].toSorted()).toEqual(names(n).toSorted());
  });

  it('alike whatever their order and however often they are named', () => {
    const mixed = [...names(30).toReversed(), ...names(30)];
    expect(splitArticles(mixed, 1)).toEqual(splitArticles(names(30), 1));
  });

  it('otherwise with another seed', () => {
    expect(splitArticles(names(30), 2)).not.toEqual(splitArticles(names(30), 1));
  });
});

describe('the split of a corpus that grew', () => {
  const known = { all: ['p', 'r', 'e'], reranker: ['r'], evaluation: ['e'], trained: ['p', 'x'] };
  const fresh = Array.from({ length: 400 }, (_, i) => `new ${i}`);

  it('leaves every article where it was', () => {
    expect(extendSplit(['r', 'e', 'p'], known, 1)).toEqual({
      predictor: ['p'],
      reranker: ['r'],
      evaluation: ['e'],
    });
  });

  it('shares new articles out between reranker and evaluation, none to the predictor', () => {
    const split = extendSplit(['p', 'r', 'e', ...fresh], known, 1);
    expect(split.predictor).toEqual(['p']);
    expect(split.reranker.length + split.evaluation.length).toBe(402);
    // 20 to 25, as at first: 178 of 400 expected, 10 is the standard deviation.
    expect(Math.abs(split.reranker.length - 178)).toBeLessThan(40);
    expect(extendSplit(fresh.concat('r', 'e').toReversed(), known, 1)).toEqual({
      ...split,
      predictor: [],
    });
  });

  it('never evaluates on an article that a predictor was trained on, however it came in', () => {
    expect(extendSplit(['r', 'e', 'x'], known, 1).predictor).toEqual(['x']);
  });

  it('refuses a corpus whose evaluation articles are all gone', () => {
    expect(() => extendSplit(['p', 'r'], known, 1)).toThrow('no article is left for the evaluation');
  });
});
