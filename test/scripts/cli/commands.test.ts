import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../../platform/node-command.ts';
import { allCommands } from '../../../scripts/cli/command.ts';
import { helpOf } from '../../../scripts/cli/help.ts';
import { commands } from '../../../scripts/commands/tree.ts';
import { tool } from '../../support/tool-process.ts';

const all = allCommands(commands).map(({ path, command }) => ({ name: path.join(' '), command }));
describe('every command', () => {
  it.each(all)('$name has a help with an example of options that exist', async ({ name, command }) => {
    const loaded = await command.load();
    const help = helpOf(`retriever ${name}`, command.summary, loaded);
    expect(help.split('\n')[0]).toMatch(new RegExp(`^usage: retriever ${name}( |$)`));
    expect(help).toMatch(new RegExp(`^Example: npx retriever ${name}( |$)`, 'm'));
    const given = [...loaded.example.matchAll(/--([a-z-]+)/g)].map(([, option = '']) => option);
    expect(Object.keys(loaded.options)).toEqual(expect.arrayContaining(given));
  });

  it.each(['rollout start', 'rollback', 'index check-norms', 'traffic', 'setup samples', 'completion'])(
    '%s explains itself, and refuses an option that does not exist, as a process',
    async (name) => {
      const [help, wrong] = await Promise.all([tool(name, '--help'), tool(name, '--bogus')]);
      expect(help).toMatchObject({ code: 0, stderr: '' });
      expect(help.stdout).toMatch(new RegExp(`^Example: npx retriever ${name}( |$)`, 'm'));
      expect(wrong).toMatchObject({ code: 2, stdout: '' });
      expect(wrong.stderr).toMatch(/^Unknown option '--bogus'; there are .*--json, --help\nusage: /);
      expect(wrong.stderr).not.toContain('    at ');
    },
  );
});

describe('a call without a command', () => {
  it.each([
    [[], /\n {2}rollout +Starts/],
    [['--help'], /\n {2}completion +Prints/],
    [['-h'], /\n {2}diagnose +Looks/],
    [['rollout'], /^usage: retriever rollout COMMAND\n[^]*\n {2}start +Starts/],
    [['schedules', '--help'], /\n {2}apply +Creates/],
  ])('%j lists what there is', async (args, says) => {
    const [first = '', ...rest] = args;
    const { code, stdout } = first === '' ? await tool('--help') : await tool(first, ...rest);
    expect(stdout).toMatch(says);
    expect(code).toBe(0);
  });

  it.each([
    [
      'fly',
      /^retriever: there is no command "fly"; there are: rollout, .*traffic.*completion\. retriever --help describes them\.$/m,
    ],
    ['rollout strat', /^retriever rollout: there is no command "strat"; there are: start, status/],
    ['constructor', /there is no command "constructor"/],
  ])('%s ends with 2 and names what is allowed', async (name, says) => {
    const { code, stdout, stderr } = await tool(name);
    expect(stderr).toMatch(says);
    expect([code, stdout]).toEqual([2, '']);
  });

  it('loads the table of commands and no package', () => {
    const loaded = new Set<string>();
    const follow = (file: string): void => {
      if (loaded.has(file)) return;
      loaded.add(file);
      const text = readFileSync(join(ROOT, file), 'utf8');
      for (const [, specifier = ''] of text.matchAll(/^import (?!type\b).*? from '(.*)';$/gm))
        follow(specifier.startsWith('.') ? join(dirname(file), specifier) : specifier);
    };
    follow('scripts/cli.ts');
    expect([...loaded].toSorted()).toEqual([
      'scripts/cli.ts',
      'scripts/cli/command.ts',
      'scripts/cli/dispatch.ts',
      'scripts/commands/tree.ts',
    ]);
  });
});

describe('a wrong call', () => {
  it.each([
    ['start', ['--traffic', 'abc'], /--traffic: must be a number above 0, not abc/, 2],
    ['traffic', ['--seed', 'x'], /--seed: must be a whole number from 0 on, not x/, 2],
    ['traffic', ['--skew', 'x'], /--skew: must be a number from 0 on, not x/, 2],
    ['traffic', ['--texts', '101'], /--texts: must be a percentage from 0 to 100, not 101/, 2],
    ['rollout plan', ['--rate', '0'], /--rate: must be a number above 0, not 0/, 2],
    ['rollout plan', ['--rate'], /^--rate takes a value: --rate QPS\nusage: retriever rollout plan/, 2],
    ['traffic', ['--rate', 'abc'], /--rate: must be a number above 0, not abc/, 2],
    ['traffic', ['--release', '/nosuch'], /--release: there is no release in \/nosuch/, 2],
    ['traffic', ['--texts', '60', '--vectors', '60'], /--texts, --vectors: must be at most 100 %/, 2],
    ['release build', [], /--corpus is missing; --version is missing/, 2],
    ['setup samples', ['--also', 'nosuch'], /--also: there is no sample nosuch; there are bad-latency/, 2],
    ['completion', ['tcsh'], /SHELL: .*bash/, 2],
    ['demo', ['--plan', 'nosuch'], /there is no plan "nosuch"; there are: .*runbook-48h/, 1],
  ])('%s %j is refused before anything starts', async (name, args, says, code) => {
    const ended = await tool(name, ...args);
    expect(ended.stderr).toMatch(says);
    expect(ended.code).toBe(code);
  });
});
