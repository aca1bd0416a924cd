import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { ReleaseManifest } from '../release/manifest.ts';
import { ReleaseError } from '../release/manifest.ts';
import { EncoderError } from './errors.ts';
import { encoderFolder, encoderIdentity, readEncoderManifest, verifyEncoderFiles } from './manifest.ts';
import type { EncoderPool } from './pool.ts';
import { openEncoderPool } from './pool.ts';

export interface ReleaseEncoderOptions {
  /** Folder that holds the encoder's folder; the clone's own places where absent. */
  readonly modelsDir?: string;
  /** The files' checksums as well. */
  readonly verify?: boolean;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Where the encoder that a release was built with is looked for. */
export function releaseEncoderFolder({ encoder }: ReleaseManifest, modelsDir?: string): string {
  return modelsDir === undefined ? encoderFolder(ROOT, encoder.name) : join(modelsDir, encoder.name);
}

/**
 * Opens the encoder that a release was built with.
 * @throws ReleaseError where another one is installed under its name, or none
 */
export async function openReleaseEncoder(
  manifest: ReleaseManifest,
  { modelsDir, verify }: ReleaseEncoderOptions,
): Promise<EncoderPool> {
  const { encoder: built } = manifest;
  const folder = releaseEncoderFolder(manifest, modelsDir);
  try {
    const encoder = await readEncoderManifest(folder);
    if (!isDeepStrictEqual(encoderIdentity(encoder), built))
      throw new EncoderError(
        `the release was built with another encoder than the ${built.name} that is installed`,
      );
    if (verify === true) await verifyEncoderFiles(folder, encoder);
    return await openEncoderPool(folder, 1);
  } catch (error) {
    // Refused like a damaged release: starting again would not mend it.
    if (error instanceof EncoderError)
      throw new ReleaseError(`encoder ${built.name}`, error.message, { cause: error });
    throw error;
  }
}

/** Encodes a passage with the release's encoder, which is opened for the first text. */
export function lazyReleaseEncoder(manifest: ReleaseManifest): {
  encode(text: string): Promise<Float32Array>;
  close(): Promise<void>;
} {
  let pool: Promise<EncoderPool> | null = null;
  return {
    async encode(text) {
      pool ??= openReleaseEncoder(manifest, {});
      return (await pool).encode(text, 'passage');
    },
    async close() {
      await (await pool)?.close();
    },
  };
}
