import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { ToolOption } from './tool.ts';

/** A file or folder that has to be there. */
export const existing = z
  .string()
  .refine(existsSync, { error: ({ input }) => `there is no ${String(input)}`, abort: true });
/** A whole number from 1 on. */
export const count = z
  .string()
  .regex(/^[1-9]\d{0,8}$/, 'must be a whole number from 1 on')
  .transform(Number);

/** The release folder, where a tool can do without. */
export const optionalRelease = {
  value: 'DIR',
  help: 'release folder, e.g. artifacts/releases/retriever_v0',
  schema: existing.optional(),
} as const satisfies ToolOption;

export const release = { ...optionalRelease, schema: existing } as const satisfies ToolOption;

/** Where the JSON goes. */
export const out = {
  value: 'FILE',
  help: 'write the result there as JSON as well',
  schema: z.string().min(1).optional(),
} as const satisfies ToolOption;
