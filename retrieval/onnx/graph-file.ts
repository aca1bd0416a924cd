import { readFile } from 'node:fs/promises';
import { basename, isAbsolute, normalize } from 'node:path';
import onnxProto from 'onnx-proto';

const { onnx } = onnxProto;

/** What the file of an ONNX graph says of itself. */
interface GraphFile {
  /** Files beside the graph in which it keeps weights, as it names them. */
  readonly external: readonly string[];
  /** Inputs, each axis by its size; null where it may have any. */
  readonly inputs: readonly { readonly name: string; readonly shape: readonly (number | null)[] }[];
}

/**
 * Reads a graph without running it.
 * @throws Error naming the file that is no graph
 */
export async function readGraphFile(file: string): Promise<GraphFile> {
  const model = decoded(file, await readFile(file));
  const weights = new Set(model.graph?.initializer?.map(({ name }) => name));
  return {
    external: [...new Set(locationsIn(model))],
    inputs: (model.graph?.input ?? [])
      .filter(({ name }) => !weights.has(name))
      .map(({ name, type }) => ({
        name: name ?? '',
        shape: (type?.tensorType?.shape?.dim ?? []).map((axis) =>
          axis.dimParam || Number(axis.dimValue ?? 0) <= 0 ? null : Number(axis.dimValue),
        ),
      })),
  };
}

/** How a graph is saved with its weights inside. */
export function asOneFile(file: string): string {
  return `save it as one file: onnx.save_model(onnx.load('${file}'), '${file}', save_as_external_data=False)`;
}

/** Throws an Error for a graph that is to be one file, as a release lists it, and keeps weights in others. */
export function refuseExternal(file: string, external: readonly string[]): void {
  const [name] = external;
  if (name === undefined) return;
  throw new Error(
    `${file} keeps weights in ${JSON.stringify(name)}, a file of its own; ${asOneFile(basename(file))}`,
  );
}

/** Whether a graph may name that file: one in its own folder, or below it. */
export function isBeside(name: string): boolean {
  return (
    name !== '' && !isAbsolute(name) && !/^\.\.(?:[/\\]|$)/.test(normalize(name)) && !name.includes('\\')
  );
}

function decoded(file: string, bytes: Buffer) {
  try {
    return onnx.ModelProto.decode(bytes);
  } catch (cause) {
    throw new Error(`${file} is not an ONNX graph, or is cut off`, { cause });
  }
}

/** Wherever a tensor may be: weights, constants of nodes, graphs within nodes, functions. */
function locationsIn(message: object): string[] {
  if (message instanceof onnx.TensorProto) {
    if (message.dataLocation !== onnx.TensorProto.DataLocation.EXTERNAL) return [];
    return [message.externalData?.find(({ key }) => key === 'location')?.value ?? ''];
  }
  return Object.values(message).flatMap((value: unknown) => {
    if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return [];
    if (!Array.isArray(value)) return locationsIn(value);
    return typeof value[0] === 'object' ? value.flatMap((one: object) => locationsIn(one)) : [];
  });
}
