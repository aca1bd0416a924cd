import { parseArgs } from 'node:util';
import { z } from 'zod';

/** One `--name` of a tool. Without `value` it is a switch; with it, the word that the help shows for what it takes. */
export interface ToolOption {
  readonly help: string;
  readonly value?: string;
  /** Of the text given, or undefined where it was not given. */
  readonly schema: z.ZodType;
}

type Values<O extends Readonly<Record<string, ToolOption>>> = {
  readonly [name in keyof O]: z.infer<O[name]['schema']>;
};

/** What a tool found. `lines` are for a person, `result` is what `--json` prints. */
interface ToolResult {
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

/** Runs a tool on the process's arguments: exit code 0 where its criterion is met, 1 where not, 2 for a wrong call. */
export async function runTool<O extends Readonly<Record<string, ToolOption>>>(tool: Tool<O>): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    console.log(helpOf(tool));
    return;
  }
  const json = args.includes('--json');
  try {
    const { met, lines, result } = await tool.run(readValues(tool, args));
    console.log(json ? JSON.stringify({ met, ...result }, null, 2) : lines.join('\n'));
    process.exitCode = met ? EXIT.met : EXIT.notMet;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (json) console.log(JSON.stringify({ met: false, error: reason }));
    const wrong = error instanceof WrongUse;
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
    return given[name] === undefined ? `--${name} is missing` : `--${name}: ${message}`;
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
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { ...Object.fromEntries(types), json: { type: 'boolean' } },
    });
    return { ...values };
  } catch (error) {
    throw new WrongUse(error instanceof Error ? error.message : String(error));
  }
}

function helpOf({ name, summary, options }: Tool<Readonly<Record<string, ToolOption>>>): string {
  const rows = Object.entries(options).map(([option, { help, value, schema }]) => {
    const preset = schema.safeParse(undefined);
    const note = !preset.success
      ? ' (required)'
      : preset.data === undefined
        ? ''
        : ` (default ${JSON.stringify(preset.data)})`;
    return [
      `--${option}${value === undefined ? '' : ` ${value}`}`,
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
