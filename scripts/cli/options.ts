import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { CommandOption } from './command.ts';

/** How a schema refuses a value: the rule, and the value. The option's name is put before it. */
export function refused(rule: string) {
  return { error: ({ input }: { readonly input?: unknown }) => `${rule}, not ${String(input)}` };
}

/** A file or folder that has to be there. */
export const existing = z
  .string()
  .refine(existsSync, { error: ({ input }) => `there is no ${String(input)}`, abort: true });
/** A whole number from 1 on. */
export const count = z
  .string()
  .regex(/^[1-9]\d{0,8}$/, refused('must be a whole number from 1 on'))
  .transform(Number);
/** A whole number from 0 on. */
export const natural = z
  .string()
  .regex(/^\d{1,15}$/, refused('must be a whole number from 0 on'))
  .transform(Number);
/** A number above 0. */
export const positive = z
  .string()
  .refine((text) => Number(text) > 0 && Number.isFinite(Number(text)), refused('must be a number above 0'))
  .transform(Number);
/** A number from 0 on. */
export const nonNegative = z
  .string()
  .regex(/^\d+(\.\d+)?$/, refused('must be a number from 0 on'))
  .transform(Number);
/** A share of 1, given in percent. */
export const percent = z
  .string()
  .refine(
    (text) => text.trim() !== '' && Number(text) >= 0 && Number(text) <= 100,
    refused('must be a percentage from 0 to 100'),
  )
  .transform((text) => Number(text) / 100);

/** The release folder, where a command can do without. */
export const optionalRelease = {
  value: 'DIR',
  help: 'release folder, e.g. artifacts/releases/retriever_v0',
  schema: existing.optional(),
} as const satisfies CommandOption;

export const release = { ...optionalRelease, schema: existing } as const satisfies CommandOption;

/** Where the JSON goes. */
export const out = {
  value: 'FILE',
  help: 'write the result there as JSON as well',
  schema: z.string().min(1).optional(),
} as const satisfies CommandOption;

/** The seed of whatever is drawn. */
export const seed = {
  value: 'N',
  help: 'seed of what is drawn',
  schema: natural.prefault('1'),
} as const satisfies CommandOption;
