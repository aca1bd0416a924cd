import { join } from 'node:path';
import { readSettings } from '../../domain/core/settings.ts';
import { DEFAULT_ENCODER } from '../../retrieval/encoder/manifest.ts';

/** Where the sample releases of an encoder are, and what they are made of. */
export interface SamplePaths {
  readonly encoder: string;
  readonly predictors: string;
  readonly releases: string;
  readonly stamp: string;
}

/**
 * The places for the encoder that RETRIEVER_ENCODER names, the sample's where it is absent or empty. Releases of
 * another encoder lie apart: one folder of releases is one rollout's world, and vectors of two encoders do not compare.
 */
export function samplePaths(root: string, env: NodeJS.ProcessEnv): SamplePaths {
  const encoder = readSettings(env, 'RETRIEVER_ENCODER').RETRIEVER_ENCODER ?? DEFAULT_ENCODER;
  if (encoder === DEFAULT_ENCODER)
    return {
      encoder,
      predictors: join(root, 'models/sample-predictors'),
      releases: join(root, 'artifacts/releases'),
      stamp: join(root, '.data/stamps/samples'),
    };
  return {
    encoder,
    predictors: join(root, '.data/predictors', encoder),
    releases: join(root, `artifacts/releases-${encoder}`),
    stamp: join(root, `.data/stamps/samples-${encoder}`),
  };
}
