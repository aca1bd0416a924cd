import { describe, expect, it } from 'vitest';
import { splitArticles } from '../../../retrieval/build/article-split.ts';

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
