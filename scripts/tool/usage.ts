import type { ParseArgsConfig } from 'node:util';
import { parseArgs } from 'node:util';
import { SettingsError } from '../../domain/core/settings.ts';
import { prepareProcess } from './process.ts';

/**
 * The options of a command that is no tool: it is called for what it does and has no criterion to meet. Ends the process with
 * the usage: exit code 0 for --help, 2 for options that there are not.
 */
export function readOptions<T extends ParseArgsConfig>(
  usage: string,
  config: T,
): ReturnType<typeof parseArgs<T>>['values'] {
  prepareProcess();
  if (process.argv.includes('--help')) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs(config).values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error), usage);
  }
}

/** @returns never: says what is wrong and ends with exit code 2 */
export function refuse(why: string, usage: string): never {
  console.error(`${why}\n${usage}`);
  process.exit(2);
}

/** The number that an option holds; ends the process where it is none above 0. */
export function positive(option: string, text: string, usage: string): number {
  const number = Number(text);
  return number > 0 && Number.isFinite(number)
    ? number
    : refuse(`${option} must be a number above 0, not ${text}`, usage);
}

/** What `read` makes of the environment; ends the process with exit code 2 where a setting is wrong. */
export function settingsOrUsage<T>(usage: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SettingsError) return refuse(error.message, usage);
    throw error;
  }
}
