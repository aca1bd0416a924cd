import { parseArgs } from 'node:util';
import { z } from 'zod';
import { SettingsError } from '../../domain/core/settings.ts';
import { prepareProcess } from './process.ts';

/** One `--name` of a tool. Without `value` it is a switch; with it, the word that the help shows for what it takes. */
export interface ToolOption {
  readonly help: string;
  readonly value?: string;
  /** May be given without its name, as the one word that is no option. */
  readonly positional?: true;
  /** Of the text given, or undefined where it was not given. */
  readonly schema: z.ZodType;
}

type Values<O extends Readonly<Record<string, ToolOption>>> = {
  readonly [name in keyof O]: z.infer<O[name]['schema']>;
};

/** What a tool found. `lines` are for a person, `result` is what `--json` prints. */
export interface ToolResult {
  readonly met: boolean;
  readonly lines: readonly string[];
  readonly result: Readonly<Record<string, unknown>>;
}

interface Tool<O extends Readonly<Record<string, ToolOption>>> {
  readonly name: string;
  /** What it answers, as a sentence. */
  readonly summary: string;
  readonly options: O;
  run(values: Values<O>): Promise<ToolResult>;
}

/** The call itself was wrong: exit code 2. */
export class WrongUse extends Error {}

const EXIT = { met: 0, notMet: 1, wrongUse: 2 } as const;

/** One of a tool's commands, as `rollout start` is. */
export interface Command {
  readonly summary: string;
  run(args: readonly string[]): Promise<void>;
}

export function command<O extends Readonly<Record<string, ToolOption>>>(tool: Tool<O>): Command {
  return { summary: tool.summary, run: (args) => runTool(tool, args) };
}

/** Runs the command that the process's first argument names. Without one, or with --help, it says which there are. */
export async function runCommand(
  name: string,
  summary: string,
  commands: Readonly<Record<string, Command>>,
): Promise<void> {
  const [word = '--help', ...args] = process.argv.slice(2);
  const chosen = Object.hasOwn(commands, word) ? commands[word] : undefined;
  if (chosen !== undefined) return chosen.run(args);
  const width = Math.max(...Object.keys(commands).map((key) => key.length));
  const rows = Object.entries(commands).map(([key, { summary: does }]) => `  ${key.padEnd(width)}  ${does}`);
  const help = [`${name}: ${summary}`, '', ...rows, '', `${name} COMMAND --help says what it takes.`].join(
    '\n',
  );
  if (word === '--help') return console.log(help);
  console.error(`${name}: there is no command ${JSON.stringify(word)}\n${help}`);
  process.exitCode = EXIT.wrongUse;
}

/** Runs a tool on the process's arguments: exit code 0 where its criterion is met, 1 where not, 2 for a wrong call. */
export async function runTool<O extends Readonly<Record<string, ToolOption>>>(
  tool: Tool<O>,
  args: readonly string[] = process.argv.slice(2),
): Promise<void> {
  prepareProcess();
  const json = args.includes('--json');
  try {
    if (args.includes('--help')) return console.log(helpOf(tool));
    const { met, lines, result } = await tool.run(readValues(tool, args));
    console.log(json ? JSON.stringify({ met, ...result }, null, 2) : lines.join('\n'));
    process.exitCode = met ? EXIT.met : EXIT.notMet;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (json) console.log(JSON.stringify({ met: false, error: reason }));
    const wrong = error instanceof WrongUse || error instanceof SettingsError;
    console.error(`${tool.name}: ${reason}${wrong ? `\n${tool.name} --help says what it takes` : ''}`);
    process.exitCode = wrong ? EXIT.wrongUse : EXIT.notMet;
  }
}

function readValues<O extends Readonly<Record<string, ToolOption>>>(
  { options }: Tool<O>,
  args: readonly string[],
): Values<O> {
  const given = parsed(options, args);
  const shape = Object.fromEntries(Object.entries(options).map(([name, { schema }]) => [name, schema]));
  const read = z.object(shape).safeParse(given);
  if (read.success) return read.data as Values<O>;
  const issues = read.error.issues.map(({ path, message }) => {
    const name = String(path[0]);
    const says = options[name]?.positional ? (options[name].value ?? name) : `--${name}`;
    return given[name] === undefined ? `${says} is missing` : `${says}: ${message}`;
  });
  throw new WrongUse(issues.join('; '));
}

function parsed(
  options: Readonly<Record<string, ToolOption>>,
  args: readonly string[],
): Record<string, string | boolean | undefined> {
  const types = Object.entries(options).map(
    ([name, { value }]) => [name, { type: value === undefined ? 'boolean' : 'string' }] as const,
  );
  const positional = Object.keys(options).find((name) => options[name]?.positional);
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...Object.fromEntries(types), json: { type: 'boolean' } },
      allowPositionals: positional !== undefined,
    });
    const [first, second] = positionals;
    if (second !== undefined) throw new WrongUse(`${second}: one word too many`);
    const given: Record<string, string | boolean | undefined> = { ...values };
    if (positional === undefined || first === undefined) return given;
    if (given[positional] !== undefined)
      throw new WrongUse(`${first}, and --${positional} as well: give one of them`);
    return { ...given, [positional]: first };
  } catch (error) {
    throw new WrongUse(error instanceof Error ? error.message : String(error));
  }
}

/** As one would type it; null where there is none. */
function defaultOf(schema: z.ZodType): string | null {
  if (!(schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)) return null;
  return String(schema.def.defaultValue);
}

function helpOf({ name, summary, options }: Tool<Readonly<Record<string, ToolOption>>>): string {
  const rows = Object.entries(options).map(([option, { help, value, schema, positional }]) => {
    const required = !schema.safeParse(undefined).success;
    const preset = defaultOf(schema);
    const note = required ? ' (required)' : preset === null ? '' : ` (default ${preset})`;
    const word = required ? value : `[${value}]`;
    return [
      `${positional ? `${word}, ` : ''}--${option}${value === undefined ? '' : ` ${value}`}`,
      `${help}${value === undefined ? '' : note}`,
    ] as const;
  });
  const all = [...rows, ['--json', 'the result as JSON'], ['--help', 'this text']] as const;
  const width = Math.max(...all.map(([left]) => left.length));
  return [
    `${name}: ${summary}`,
    '',
    ...all.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    '',
    'Exit code: 0 met, 1 not met, 2 wrong use.',
  ].join('\n');
}
