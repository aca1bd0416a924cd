import { execFile } from 'node:child_process';
import { expect, it } from 'vitest';
import { nodeCommand } from '../../devstack/process.ts';
import { ROOT } from '../../platform/node-command.ts';

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function bench(name: string, option: string): Promise<Ended> {
  const [node, ...args] = nodeCommand(`bench/${name}`, option);
  return new Promise((resolve) => {
    execFile(node, args, { cwd: ROOT }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

it.each(['main', 'decisions/main'])(
  'bench/%s explains itself, and refuses an option that does not exist',
  async (name) => {
    const [help, wrong] = await Promise.all([bench(name, '--help'), bench(name, '--bogus')]);
    expect(help).toMatchObject({ code: 0, stdout: expect.stringMatching(/^usage: /), stderr: '' });
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^Unknown option '--bogus'.*\nusage: /),
    });
  },
);
