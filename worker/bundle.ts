import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Entry of the workflow bundle: the same line works under tsx, vitest and from dist. */
export function workflowsPath(): string {
  return modulePath('../workflows/index');
}

/** Converter for workflow and worker, which turns a payload that it can not decode into a value instead of an error. */
export function payloadConverterPath(): string {
  return modulePath('../workflows/payload-converter');
}

function modulePath(module: string): string {
  return fileURLToPath(new URL(module + extname(import.meta.url), import.meta.url));
}
