/** `retriever`: the one command. scripts/retriever.mjs starts it from the sources or compiled. */
import type { CommandGroup } from './cli/command.ts';
import { dispatch } from './cli/dispatch.ts';
import { commands } from './commands/tree.ts';

const root: CommandGroup = {
  ...commands,
  commands: {
    ...commands.commands,
    completion: {
      summary: 'Prints the completion script of a shell: bash, zsh or fish.',
      load: async () => (await import('./cli/completion.ts')).completionOf('retriever', root),
    },
  },
};

await dispatch('retriever', root, process.argv.slice(2));
