import { z } from 'zod';
import type { Command, CommandGroup } from './command.ts';
import { allCommands, command } from './command.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** What may follow after some words of a call. */
interface Place {
  readonly path: readonly string[];
  /** Commands of a group, or options of a command. */
  readonly words: readonly { readonly word: string; readonly help: string }[];
  readonly kind: 'group' | 'command';
}

/** The command that prints the completion script for `name`, whose commands are those of `root`. */
export function completionOf(name: string, root: CommandGroup): Command {
  return command({
    example: 'bash > ~/.local/share/bash-completion/completions/retriever',
    options: {
      shell: { value: 'SHELL', positional: true, help: SHELLS.join(', '), schema: z.enum(SHELLS) },
    },
    async run({ shell }) {
      const script = SCRIPTS[shell](name, await placesOf(root));
      return { passed: true, lines: [script], result: { shell, script } };
    },
  });
}

async function placesOf(root: CommandGroup): Promise<readonly Place[]> {
  const loaded = await Promise.all(
    allCommands(root).map(async ({ path, command: { load } }): Promise<Place> => {
      const { options } = await load();
      const own = Object.entries(options).map(([option, { help }]) => ({ word: `--${option}`, help }));
      const words = [
        ...own,
        { word: '--json', help: 'the result as JSON' },
        { word: '--help', help: 'what it takes' },
      ];
      return { path, words, kind: 'command' };
    }),
  );
  return [...groupsOf(root, []), ...loaded];
}

function groupsOf({ commands }: CommandGroup, path: readonly string[]): Place[] {
  const words = Object.entries(commands).map(([word, { summary }]) => ({ word, help: summary }));
  const inner = Object.entries(commands).flatMap(([word, node]) =>
    'commands' in node ? groupsOf(node, [...path, word]) : [],
  );
  return [{ path, words, kind: 'group' }, ...inner];
}

const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], (name: string, places: readonly Place[]) => string>> =
  { bash: bashScript, zsh: zshScript, fish: fishScript };

function bashScript(name: string, places: readonly Place[]): string {
  return [
    `_${name}() {`,
    "  local IFS=' ' words=",
    '  case "${COMP_WORDS[*]:1:COMP_CWORD-1}" in',
    ...cases(places, (words) => `words=${quoted(words.join(' '))}`),
    '  esac',
    "  local IFS=$' \\t\\n'",
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    `complete -o default -F _${name} ${name}`,
  ].join('\n');
}

function zshScript(name: string, places: readonly Place[]): string {
  return [
    `#compdef ${name}`,
    `_${name}() {`,
    '  case "${(j: :)words[2,CURRENT-1]}" in',
    ...cases(
      places,
      (words, { kind }) => `compadd -- ${words.join(' ')}${kind === 'command' ? '; _files' : ''}`,
    ),
    '  esac',
    '}',
    `compdef _${name} ${name}`,
  ].join('\n');
}

/** A line for each place, in the `case` that bash and zsh share. After a command's words come its options and their values. */
function cases(
  places: readonly Place[],
  line: (words: readonly string[], place: Place) => string,
): readonly string[] {
  return places.map((place) => {
    const path = place.path.join(' ');
    const pattern = place.kind === 'group' ? `'${path}'` : `'${path}'|'${path} '*`;
    const words = place.words.map(({ word }) => word);
    return `    ${pattern}) ${line(words, place)} ;;`;
  });
}

function fishScript(name: string, places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words, kind }) =>
    words.map(({ word, help }) => {
      const what = kind === 'group' ? `-f -a ${word}` : `-l ${word.slice(2)}`;
      return `complete -c ${name} -n '__${name}_at ${kind} ${path.join(' ')}' ${what} -d ${quoted(help)}`;
    }),
  );
  return [
    '# Whether these words were given: all there are for a group, the first ones for a command.',
    `function __${name}_at`,
    '  set -l given (commandline -opc)[2..]',
    '  set -l path $argv[2..]',
    '  if test $argv[1] = group; test "$given" = "$path"; return; end',
    '  set -l length (count $path)',
    '  test (count $given) -ge $length; and test "$given[1..$length]" = "$path"',
    'end',
    ...lines,
  ].join('\n');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
