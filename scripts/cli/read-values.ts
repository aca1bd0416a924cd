import { parseArgs } from 'node:util';
import { z } from 'zod';
import type { CommandOptions, Values } from './command.ts';
import { UsageError } from './command.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

type Given = Readonly<Record<string, unknown>>;

/**
 * The values of a command's arguments, each checked by its schema.
 * @throws UsageError that names every wrong one
 */
export function readValues<O extends CommandOptions>(options: O, args: readonly string[]): Values<O> {
  const given = readArguments(options, args);
  const shape = Object.fromEntries(Object.entries(options).map(([name, { schema }]) => [name, schema]));
  const read = z.object(shape).safeParse(given);
  if (read.success) return read.data as Values<O>;
  const problems = read.error.issues.map(({ path, message }) => {
    const name = String(path[0]);
    const called = options[name]?.positional ? (options[name].value ?? name) : `--${name}`;
    return given[name] === undefined ? `${called} is missing` : `${called}: ${message}`;
  });
  throw new UsageError(problems.join('; '));
}

function readArguments(options: CommandOptions, args: readonly string[]): Given {
  const positional = Object.keys(options).find((name) => options[name]?.positional);
  const { values, positionals } = parse(options, args, positional !== undefined);
  const [first, second] = positionals;
  if (second !== undefined) throw new UsageError(`${second}: one word too many`);
  if (positional === undefined || first === undefined) return values;
  if (values[positional] !== undefined)
    throw new UsageError(`${first}, and --${positional} as well: give one of them`);
  return { ...values, [positional]: first };
}

function parse(options: CommandOptions, args: readonly string[], allowPositionals: boolean) {
  const types = Object.entries(options).map(([name, { value, multiple = false }]) => [
    name,
    { type: value === undefined ? 'boolean' : 'string', multiple } as const,
  ]);
  const config = {
    args: [...args],
    options: { ...Object.fromEntries(types), json: { type: 'boolean' } } as const,
    allowPositionals,
  };
  try {
    const { values, positionals } = parseArgs(config);
    return { values: { ...values } as Given, positionals };
  } catch (error) {
    const known = Object.keys(config.options);
    const isValued = (name: string) => options[name]?.value !== undefined;
    const { tokens } = parseArgs({ ...config, allowPositionals: true, strict: false, tokens: true });
    const unknown = tokens.find((token) => token.kind === 'option' && !known.includes(token.name));
    if (unknown?.kind === 'option')
      throw new UsageError(`Unknown option '${unknown.rawName}'; there are ${allowed(known)}`);
    const bare = tokens.find(
      (token) => token.kind === 'option' && token.value === undefined && isValued(token.name),
    );
    if (bare?.kind === 'option')
      throw new UsageError(`${bare.rawName} takes a value: ${bare.rawName} ${options[bare.name]?.value}`);
    throw new UsageError(errorMessage(error));
  }
}

function allowed(names: readonly string[]): string {
  return [...names, 'help'].map((name) => `--${name}`).join(', ');
}
