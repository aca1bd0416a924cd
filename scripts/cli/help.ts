import { z } from 'zod';
import type { Command, CommandOption } from './command.ts';

/** The call of a command in one line: `usage: retriever rollout start --candidate RELEASE [--plan NAME]`. */
export function usageOf(name: string, { options }: Command): string {
  const words = Object.entries(options).map(([option, { value, positional, multiple, schema }]) => {
    const word = positional ? (value ?? option) : `--${option}${value === undefined ? '' : ` ${value}`}`;
    const several = multiple ? ' ...' : '';
    return isRequired(schema) ? `${word}${several}` : `[${word}]${several}`;
  });
  return ['usage:', name, ...words].join(' ');
}

/** The whole help of a command. */
export function helpOf(name: string, summary: string, command: Command): string {
  const rows = [
    ...Object.entries(command.options).map(([option, spec]) => rowOf(option, spec)),
    ['--json', 'the result as JSON'] as const,
    ['--help', 'this text'] as const,
  ];
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    usageOf(name, command),
    '',
    summary,
    '',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    '',
    `Example: npx ${name} ${command.example}`.trimEnd(),
    'Exit code: 0 passed, 1 failed, 2 usage error.',
  ].join('\n');
}

function rowOf(
  option: string,
  { help, value, positional, schema }: CommandOption,
): readonly [string, string] {
  if (value === undefined) return [`--${option}`, help];
  const preset = presetOf(schema);
  const required = isRequired(schema);
  const note = required ? ' (required)' : preset === null ? '' : ` (default ${preset})`;
  const word = positional ? `${required ? value : `[${value}]`}, ` : '';
  return [`${word}--${option} ${value}`, `${help}${note}`];
}

function isRequired(schema: z.ZodType): boolean {
  return !schema.safeParse(undefined).success;
}

/** The default as a person would type it; null where there is none. */
function presetOf(schema: z.ZodType): string | null {
  if (!(schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)) return null;
  const { defaultValue } = schema.def;
  return Array.isArray(defaultValue) && defaultValue.length === 0 ? null : String(defaultValue);
}
