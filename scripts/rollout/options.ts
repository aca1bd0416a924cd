import { z } from 'zod';
import { NAME_RULE, isName } from '../../domain/core/name.ts';
import { operatorName } from '../tool/operator.ts';
import { setting } from '../tool/settings.ts';
import type { ToolOption } from '../tool/tool.ts';

export const service = {
  value: 'NAME',
  help: 'the service whose rollout it is',
  schema: z
    .string()
    .refine(isName, NAME_RULE)
    .default(() => setting('SERVICE')),
} as const satisfies ToolOption;

export const by = {
  value: 'NAME',
  help: 'who says so',
  schema: z.string().min(1).default(operatorName),
} as const satisfies ToolOption;

export const reason = {
  value: 'TEXT',
  help: 'why; it stands in the timeline and in the decision record',
  schema: z.string().min(1).optional(),
} as const satisfies ToolOption;
