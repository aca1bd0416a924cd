import { mkdir, copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import onnxProto from 'onnx-proto';
import type { EncoderManifest } from '../../retrieval/encoder/manifest.ts';
import { readEncoderManifest } from '../../retrieval/encoder/manifest.ts';
import { sha256Of } from '../../retrieval/release/checksums.ts';

const { onnx } = onnxProto;

/**
 * Writes the installed encoder with every vector written twice in a row into `<modelsDir>/<name>`: a lane of the
 * benchmark's 768 dimensions then holds a real encoder of the usual size. Returns that folder and its manifest.
 */
export async function doubledEncoder(
  from: string,
  modelsDir: string,
): Promise<{ folder: string; manifest: EncoderManifest }> {
  const { golden: _, ...source } = await readEncoderManifest(from);
  const name = `${source.name}-doubled`;
  const folder = join(modelsDir, name);
  await mkdir(folder, { recursive: true });
  await copyFile(join(from, 'tokenizer.json'), join(folder, 'tokenizer.json'));
  const model = join(folder, 'model.onnx');
  await writeFile(model, doubledOutput(await readFile(join(from, 'model.onnx')), source.output));
  const files = { ...source.files, 'model.onnx': await sha256Of(model) };
  const manifest = { ...source, name, dim: 2 * source.dim, files };
  await writeFile(join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return { folder, manifest };
}

/** The model with its output [.., d] followed by itself: [.., 2d] under the same name. */
function doubledOutput(bytes: Uint8Array, output: string): Uint8Array {
  const model = onnx.ModelProto.decode(bytes);
  const { graph } = model;
  const declared = graph?.output?.find(({ name }) => name === output);
  const last = declared?.type?.tensorType?.shape?.dim?.at(-1);
  if (!graph?.node || !last) throw new Error(`the encoder's model declares no shape for ${output}`);
  const once = `${output}_once`;
  const renamed = (names: string[] | null | undefined) =>
    names?.map((name) => (name === output ? once : name)) ?? [];
  for (const node of graph.node) {
    node.input = renamed(node.input);
    node.output = renamed(node.output);
  }
  graph.node.push({
    opType: 'Concat',
    input: [once, once],
    output: [output],
    attribute: [{ name: 'axis', type: onnx.AttributeProto.AttributeType.INT, i: -1 }],
  });
  last.dimValue = 2 * Number(last.dimValue);
  return onnx.ModelProto.encode(model).finish();
}
