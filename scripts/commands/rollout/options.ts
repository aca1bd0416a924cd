import { z } from 'zod';
import { NAME_RULE, isName } from '../../../domain/core/name.ts';
import { operatorName } from '../../cli/operator.ts';
import { setting } from '../../cli/settings.ts';
import type { CommandOption } from '../../cli/command.ts';

export const service = {
  value: 'NAME',
  help: 'the service whose rollout it is',
  schema: z
    .string()
    .refine(isName, NAME_RULE)
    .default(() => setting('SERVICE')),
} as const satisfies CommandOption;

export const by = {
  value: 'NAME',
  help: 'who says so',
  schema: z.string().min(1).default(operatorName),
} as const satisfies CommandOption;

export const reason = {
  value: 'TEXT',
  help: 'why; it stands in the timeline and in the decision record',
  schema: z.string().min(1).optional(),
} as const satisfies CommandOption;
