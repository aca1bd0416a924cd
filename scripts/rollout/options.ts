import { userInfo } from 'node:os';
import { z } from 'zod';
import type { ToolOption } from '../tool/tool.ts';

export const service = {
  value: 'NAME',
  help: 'the service whose rollout it is',
  schema: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be a name of letters, digits, ".", "_" and "-"')
    .default(process.env['SERVICE'] || 'retriever'),
} as const satisfies ToolOption;

export const by = {
  value: 'NAME',
  help: 'who says so',
  schema: z.string().min(1).default(userInfo().username),
} as const satisfies ToolOption;

export const reason = {
  value: 'TEXT',
  help: 'why; it stands in the timeline and in the decision record',
  schema: z.string().min(1).optional(),
} as const satisfies ToolOption;
