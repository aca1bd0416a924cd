import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { JsonTextError, parseJsonBytes } from '../text/json.ts';
import { EncoderError } from './errors.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a sha256 in lower-case hex');

/** manifest.json beside an encoder's model.onnx and tokenizer.json: all that the code may know about the model. */
const encoderManifestSchema = z
  .strictObject({
    name: z.string().min(1),
    version: z.string().min(1),
    /** Length of the vectors. */
    dim: z.int().positive(),
    /** The graph's output to read: one vector a token, or the text's finished vector. */
    output: z.enum(['last_hidden_state', 'sentence_embedding']),
    /** How token vectors become one: their mean over the attention mask; `none` for a finished vector. */
    pooling: z.enum(['mean', 'none']),
    /** A file with the layer that follows pooling, which an export of the transformer alone leaves out; see dense.ts. */
    dense: z.literal('2_Dense/model.safetensors').optional(),
    /** Whether the result is to be divided by its L2 norm. */
    normalize: z.boolean(),
    /**
     * Whether texts may run together, padded to the longest: true for fp32 and statically quantised graphs, false (as
     * where absent) for dynamically quantised ones, whose vectors depend on their neighbours.
     */
    batching: z.boolean().optional(),
    /** Text to put before a query and before a passage, as the model was trained; often empty. */
    queryPrefix: z.string(),
    passagePrefix: z.string(),
    /** Longer texts are cut to so many tokens, special ones included. */
    maxTokens: z.int().min(3),
    /** File name to sha256, for every file the encoder reads. */
    files: z.object({ 'model.onnx': sha256, 'tokenizer.json': sha256 }).catchall(sha256),
    /** A text (as a passage) and the first values of its vector; tolerance because int8 differs between processors. */
    golden: z
      .strictObject({
        text: z.string(),
        values: z.array(z.number()).min(1),
        tolerance: z.number().positive(),
      })
      .optional(),
  })
  .refine(({ output, pooling }) => (output === 'sentence_embedding') === (pooling === 'none'), {
    path: ['pooling'],
    error: 'must be none for sentence_embedding and mean for last_hidden_state',
  })
  .refine(({ output, dense }) => dense === undefined || output === 'last_hidden_state', {
    path: ['dense'],
    error: 'is part of a sentence_embedding already',
  })
  .refine(({ dense, files }) => dense === undefined || files[dense] !== undefined, {
    path: ['files'],
    error: 'lacks the sha256 of the dense layer',
  });

export type EncoderManifest = z.infer<typeof encoderManifestSchema>;

/** What a release remembers of the encoder it was built with: all that its vectors depend on. */
export function encoderIdentity({ name, files, dense }: EncoderManifest) {
  return {
    name,
    sha256: files['model.onnx'],
    tokenizerSha256: files['tokenizer.json'],
    ...(dense === undefined ? {} : { denseSha256: files[dense] ?? '' }),
  };
}

/** The encoder that set-up fetches when the user names none in RETRIEVER_ENCODER. */
export const DEFAULT_ENCODER = 'minilm-l6-v2-int8';

/**
 * The folder of an encoder: models/<name> if the user put one there, else .data/models/<name>, where set-up puts its own.
 * @throws Error that says what to do if it is in neither
 */
export function encoderFolder(root: string, name = DEFAULT_ENCODER): string {
  const folders = [join(root, 'models', name), join(root, '.data', 'models', name)];
  const found = folders.find((folder) => existsSync(join(folder, 'manifest.json')));
  if (!found)
    throw new Error(
      `no encoder ${name}: models/${name}/manifest.json is missing; run: bash scripts/setup.sh`,
    );
  return found;
}

/**
 * Reads and validates an encoder's manifest.json.
 * @throws EncoderError naming the file and each wrong field
 */
export async function readEncoderManifest(folder: string): Promise<EncoderManifest> {
  const file = join(folder, 'manifest.json');
  const parsed = encoderManifestSchema.safeParse(jsonOf(file, await readFile(file)));
  if (!parsed.success) throw new EncoderError(`${file}: ${describeIssues(parsed.error)}`);
  return parsed.data;
}

/**
 * Compares the encoder's files with the hashes in its manifest.
 * @throws EncoderError naming the first file that is missing or differs
 */
export async function verifyEncoderFiles(folder: string, manifest: EncoderManifest): Promise<void> {
  for (const [name, expected] of Object.entries(manifest.files)) {
    const file = join(folder, name);
    if (!existsSync(file)) throw new EncoderError(`${file} is missing`);
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    if (hash.digest('hex') !== expected)
      throw new EncoderError(`${file} is not the file its manifest.json names`);
  }
}

function jsonOf(file: string, bytes: Buffer): unknown {
  try {
    return parseJsonBytes(bytes);
  } catch (cause) {
    const reason = cause instanceof JsonTextError ? `: ${cause.message}` : ' is not JSON';
    throw new EncoderError(`${file}${reason}`, { cause });
  }
}

function describeIssues(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => `${path.join('.') || 'the manifest'}: ${message}`)
    .join('; ');
}
