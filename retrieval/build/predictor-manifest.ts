import { join } from 'node:path';
import { z } from 'zod';
import { readText } from '../../platform/text/utf8.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const predictorEntry = z.object({
  file: z.string(),
  sha256,
  /** Articles the model has seen: a release is never evaluated on them. */
  trainingArticles: z.array(z.string()),
});

/** manifest.json in a folder of predictors, as the team that trains them hands it over. */
const predictorsManifestSchema = z.object({
  /** The encoder whose vectors they were trained on; others mean nothing to them. */
  encoder: z.object({ name: z.string(), sha256 }),
  dimension: z.int().positive(),
  predictors: z.object({ amn_v0: predictorEntry, gru_v0: predictorEntry }),
});

export type PredictorsManifest = z.infer<typeof predictorsManifestSchema>;

/**
 * Reads and checks manifest.json of a folder of predictors.
 * @throws Error naming file and field
 */
export async function readPredictorsManifest(dir: string): Promise<PredictorsManifest> {
  const file = join(dir, 'manifest.json');
  const parsed = predictorsManifestSchema.safeParse(JSON.parse(await readText(file)));
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
