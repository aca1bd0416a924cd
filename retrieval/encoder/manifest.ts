import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { JsonTextError, parseJsonBytes } from '../../platform/text/json.ts';
import { asOneFile, isBeside, readGraphFile } from '../onnx/graph-file.ts';
import { formatChecksums } from '../release/checksums.ts';
import { EncoderError } from './errors.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

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
export function encoderIdentity(manifest: EncoderManifest) {
  const { name, files, dense } = manifest;
  return {
    name,
    sha256: modelSha256(manifest),
    tokenizerSha256: files['tokenizer.json'],
    ...(dense === undefined ? {} : { denseSha256: files[dense] ?? '' }),
    settingsSha256: settingsSha256(manifest),
  };
}

/**
 * sha256 of the model: of model.onnx where it holds its weights, else of the checksums of all its files as sha256sum
 * prints them, by name.
 */
function modelSha256({ files, dense }: EncoderManifest): string {
  const others = Object.keys(files).filter((name) => !['model.onnx', 'tokenizer.json', dense].includes(name));
  if (others.length === 0) return files['model.onnx'];
  const parts = ['model.onnx', ...others].toSorted().map((name) => [name, files[name] ?? ''] as const);
  return createHash('sha256')
    .update(formatChecksums(Object.fromEntries(parts)))
    .digest('hex');
}

/** sha256 of what the manifest says to do with the model's output and with texts. */
function settingsSha256(manifest: EncoderManifest): string {
  const { dim, output, pooling, normalize, queryPrefix, passagePrefix, maxTokens } = manifest;
  const settings = [dim, output, pooling, normalize, queryPrefix, passagePrefix, maxTokens];
  return createHash('sha256').update(JSON.stringify(settings)).digest('hex');
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
 * Compares the encoder's files with the hashes in its manifest, and the graph with how it is used: each file that
 * it keeps weights in is one of them, and its axes take any number of tokens, and of texts where they run together.
 * @throws EncoderError naming the first file that is missing or differs, and how to export it
 */
export async function verifyEncoderFiles(folder: string, manifest: EncoderManifest): Promise<void> {
  for (const [name, expected] of Object.entries(manifest.files)) {
    const file = join(folder, name);
    if (!isBeside(name))
      throw new EncoderError(`${folder}/manifest.json: files names ${name}, which is outside its folder`);
    if (!existsSync(file)) throw new EncoderError(`${file} is missing`);
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    if (hash.digest('hex') !== expected)
      throw new EncoderError(`${file} is not the file its manifest.json names`);
  }
  const graph = await readGraphFile(join(folder, 'model.onnx')).catch((cause: unknown) => {
    throw new EncoderError(errorMessage(cause), { cause });
  });
  for (const name of graph.external) refuseUnlisted(folder, manifest, name);
  for (const { name, shape } of graph.inputs) refuseFixedAxes(`${folder}/model.onnx`, manifest, name, shape);
}

function refuseUnlisted(folder: string, { files }: EncoderManifest, name: string): void {
  const weights = `${folder}/model.onnx keeps weights in ${JSON.stringify(name)}`;
  if (!isBeside(name))
    throw new EncoderError(`${weights}, which is outside its folder; ${asOneFile('model.onnx')}`);
  if (!existsSync(join(folder, name)))
    throw new EncoderError(
      `${weights}, which is missing; copy it beside the graph, or ${asOneFile('model.onnx')}`,
    );
  if (files[name] === undefined)
    throw new EncoderError(
      `${weights}, whose sha256 manifest.json does not list under files: add what \`sha256sum ${name}\` prints, ` +
        `or ${asOneFile('model.onnx')}`,
    );
}

function refuseFixedAxes(
  file: string,
  { batching }: EncoderManifest,
  input: string,
  [batch = null, tokens = null]: readonly (number | null)[],
): void {
  const again =
    "export it with dynamic axes: dynamic_axes={'input_ids': {0: 'batch', 1: 'tokens'}, …} of torch.onnx.export";
  if (tokens !== null)
    throw new EncoderError(`${file} takes texts of ${tokens} tokens only (input ${input}); ${again}`);
  if (batch !== null && (batch !== 1 || batching === true))
    throw new EncoderError(`${file} takes ${batch} texts at once only (input ${input}); ${again}`);
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
