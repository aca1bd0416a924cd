import type { CommandGroup } from './command.ts';
import { EXIT, isHelp } from './command.ts';

/** Runs the command that the arguments name. Without one, or with --help, says which there are. */
export async function dispatch(name: string, root: CommandGroup, args: readonly string[]): Promise<void> {
  const [word, ...rest] = args;
  if (word === undefined || isHelp(word)) return console.log(helpOf(name, root));
  const chosen = Object.hasOwn(root.commands, word) ? root.commands[word] : undefined;
  if (chosen === undefined) {
    const known = Object.keys(root.commands).join(', ');
    console.error(
      `${name}: there is no command ${JSON.stringify(word)}; there are: ${known}. ${name} --help describes them.`,
    );
    process.exitCode = EXIT.usageError;
    return;
  }
  if ('commands' in chosen) return dispatch(`${name} ${word}`, chosen, rest);
  const { runCommand } = await import('./run-command.ts');
  await runCommand(`${name} ${word}`, chosen.summary, await chosen.load(), rest);
}

function helpOf(name: string, { summary, commands }: CommandGroup): string {
  const width = Math.max(...Object.keys(commands).map((word) => word.length));
  const [first = ''] = Object.keys(commands);
  return [
    `usage: ${name} COMMAND`,
    '',
    summary,
    '',
    ...Object.entries(commands).map(([word, { summary: does }]) => `  ${word.padEnd(width)}  ${does}`),
    '',
    `${name} COMMAND --help says what it takes.`,
    `Example: npx ${name} ${first} --help`,
  ].join('\n');
}
