import { describe, expect, it } from 'vitest';
import { samplePaths } from '../../../scripts/setup/sample-paths.ts';

describe('the sample releases', () => {
  it.each([{}, { RETRIEVER_ENCODER: '' }, { RETRIEVER_ENCODER: 'minilm-l6-v2-int8' }])(
    'of the sample encoder are the default ones: %o',
    (env) => {
      expect(samplePaths('/clone', env)).toEqual({
        encoder: 'minilm-l6-v2-int8',
        predictors: '/clone/models/sample-predictors',
        releases: '/clone/artifacts/releases',
        stamp: '/clone/.data/stamps/samples',
      });
    },
  );

  it('of another encoder share nothing with them', () => {
    const ours = Object.values(samplePaths('/clone', {}));
    const others = Object.values(samplePaths('/clone', { RETRIEVER_ENCODER: 'mpnet' }));
    expect(others).toContain('/clone/artifacts/releases-mpnet');
    expect(others.filter((place) => ours.includes(place))).toEqual([]);
  });
});
