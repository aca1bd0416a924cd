import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tool } from '../../support/tool-process.ts';

const run = promisify(execFile);
const SHELLS = ['bash', 'zsh', 'fish'];
let work = '';
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'completion-'));
  for (const shell of SHELLS) {
    const { code, stdout, stderr } = await tool('completion', shell);
    if (code !== 0) throw new Error(stderr);
    await writeFile(join(work, shell), stdout);
  }
}, 300_000);
afterAll(() => rm(work, { recursive: true }));

function isThere(shell: string): boolean {
  try {
    execFileSync(shell, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('the completion script', () => {
  it.each(SHELLS.filter(isThere))('of %s is accepted by it', async (shell) => {
    await expect(run(shell, ['-n', join(work, shell)])).resolves.toMatchObject({ stderr: '' });
  });

  it.each([
    [['ro'], ['rollout', 'rollback']],
    [['comp'], ['completion']],
    [
      ['rollout', 'st'],
      ['start', 'status'],
    ],
    [['rollout', 'start', '--c'], ['--candidate']],
    [['rollout', 'start', '--candidate', 'v0', '--pl'], ['--plan']],
    [['rollback', '--dry'], ['--dry-run']],
    [
      ['index', 'check-norms', '--'],
      ['--release', '--index', '--json', '--help'],
    ],
    [['rollout', 'nosuch', 'x'], []],
  ])('of bash completes %j', async (words, expected) => {
    const line =
      'source "$1"; shift; COMP_WORDS=(retriever "$@"); COMP_CWORD=$#; _retriever; echo "${COMPREPLY[@]}"';
    const { stdout } = await run('bash', ['-c', line, 'bash', join(work, 'bash'), ...words]);
    expect(stdout.trim().split(' ').filter(Boolean)).toEqual(expected);
  });

  it('of zsh and of fish names every command and its options', async () => {
    const [zsh, fish] = await Promise.all(
      ['zsh', 'fish'].map((shell) => readFile(join(work, shell), 'utf8')),
    );
    expect(zsh).toMatch(/^#compdef retriever\n[^]*'tune nprobe'\|.* --nprobe-values /);
    expect(fish).toMatch(/'__retriever_at command tune nprobe' -l nprobe-values -d '/);
  });
});
