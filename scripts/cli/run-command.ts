import { SettingsError } from '../../domain/core/settings.ts';
import type { Command } from './command.ts';
import { EXIT, UsageError, isHelp } from './command.ts';
import { helpOf, usageOf } from './help.ts';
import { prepareProcess } from './process.ts';
import { readValues } from './read-values.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

/**
 * Runs a command on its arguments and sets the exit code: 0 where it passes, 1 where it fails, 2 for a usage error.
 * @param name its words, `retriever rollout start`
 */
export async function runCommand(
  name: string,
  summary: string,
  command: Command,
  args: readonly string[],
): Promise<void> {
  prepareProcess();
  const json = args.includes('--json');
  const stream = json ? process.stderr : process.stdout;
  let isRead = false;
  try {
    if (args.some(isHelp)) return console.log(helpOf(name, summary, command));
    const progress = { stream, say: (text: string) => void stream.write(`${text}\n`) };
    const values = readValues(command.options, args);
    isRead = true;
    const { passed, lines, result } = await command.run(values, progress);
    if (json) console.log(JSON.stringify({ passed, ...result }, null, 2));
    else if (lines.length > 0) console.log(lines.join('\n'));
    process.exitCode = passed ? EXIT.passed : EXIT.failed;
  } catch (error) {
    const reason = errorMessage(error);
    const usage = error instanceof UsageError || error instanceof SettingsError;
    if (json) console.log(JSON.stringify({ passed: false, error: reason }));
    // The reason stands last where the arguments could be read: pre-flight quotes the last line of the rollback's script.
    console.error(usage && !isRead ? `${reason}\n${usageOf(name, command)}` : reason);
    process.exitCode = usage ? EXIT.usageError : EXIT.failed;
  }
}
