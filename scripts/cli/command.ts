import type { z } from 'zod';

/** One `--name` of a command. Without `value` it is a switch; with it, the word that the help shows for what it takes. */
export interface CommandOption {
  readonly help: string;
  readonly value?: string;
  /** May be given without its name, as the one word that is no option. */
  readonly positional?: true;
  /** May be given several times; the schema takes the list. */
  readonly multiple?: true;
  /** Of the text given, or undefined where it was not given. */
  readonly schema: z.ZodType;
}

export type CommandOptions = Readonly<Record<string, CommandOption>>;

export type Values<O extends CommandOptions> = {
  readonly [name in keyof O]: z.infer<O[name]['schema']>;
};

/** What a command found or did. `lines` are for a person, `result` is what `--json` prints. */
export interface CommandResult {
  readonly passed: boolean;
  readonly lines: readonly string[];
  readonly result: Readonly<Record<string, unknown>>;
}

/** Where a command writes while it works: stdout, or stderr with --json, whose stdout holds the result alone. */
export interface Progress {
  readonly stream: NodeJS.WriteStream;
  say(text: string): void;
}

export interface Command<O extends CommandOptions = CommandOptions> {
  /** The arguments of a call that works, as the help shows it. */
  readonly example: string;
  readonly options: O;
  /** @throws UsageError where the call is wrong: exit code 2 */
  run(values: Values<O>, progress: Progress): Promise<CommandResult>;
}

/** Infers the types of the values from the options. */
export function command<O extends CommandOptions>(definition: Command<O>): Command {
  return definition;
}

/** The call itself was wrong: exit code 2. */
export class UsageError extends Error {}

/** A command in the table: loaded only where it is called. */
export interface LazyCommand {
  /** What it does, as a sentence. */
  readonly summary: string;
  load(): Promise<Command>;
}

export interface CommandGroup {
  readonly summary: string;
  readonly commands: Readonly<Record<string, LazyCommand | CommandGroup>>;
}

export const EXIT = { passed: 0, failed: 1, usageError: 2 } as const;

export function isHelp(word: string | undefined): boolean {
  return word === '--help' || word === '-h';
}

/** Every command below a group, by its words. */
export function allCommands(
  { commands }: CommandGroup,
  path: readonly string[] = [],
): { readonly path: readonly string[]; readonly command: LazyCommand }[] {
  return Object.entries(commands).flatMap(([word, node]) =>
    'commands' in node ? allCommands(node, [...path, word]) : [{ path: [...path, word], command: node }],
  );
}
