import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyRelease, smallRelease } from '../../../fixtures/releases.ts';
import { tool, toolIn } from '../../../support/tool-process.ts';

let work: string;
let good: string;
let badNorms: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'commands-'));
  good = await smallRelease('small');
  badNorms = await smallRelease('norms', 'bad-norms');
}, 300_000);
afterAll(() => rm(work, { recursive: true }));

describe('release freeze', () => {
  const git = (...args: readonly string[]) => execFileSync('git', args, { encoding: 'utf8' });

  it('[P1.2] sets the tag once, and refuses it for another content', async () => {
    const repository = await mkdtemp(join(work, 'repository-'));
    git('init', '--quiet', repository);
    const author = ['-c', 'user.name=t', '-c', 'user.email=t@example.org'];
    git('-C', repository, ...author, 'commit', '--quiet', '--allow-empty', '-m', 'first');
    git('-C', repository, 'config', 'user.name', 't');
    git('-C', repository, 'config', 'user.email', 't@example.org');
    const freeze = (dir: string) => tool('release freeze', '--release', dir, '--repository', repository);
    expect(await freeze(good)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('tag v0-retriever is set'),
    });
    expect(git('-C', repository, 'tag', '-n9')).toMatch(
      /^v0-retriever +small\n\s+checksums.txt sha256 [0-9a-f]{64}/,
    );
    expect(await freeze(good)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('was set for this content'),
    });
    expect(await freeze(badNorms)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('refused: tag'),
    });
    expect(git('-C', repository, 'tag', '-n9')).toMatch(/^v0-retriever +small\n/);
  });

  it('[P1.3] checks without a repository too, and names a file that was changed', async () => {
    const outside = await mkdtemp(join(work, 'outside-'));
    const words = `no tag is set: ${outside} is no git repository`;
    const alone = await toolIn({ cwd: outside }, 'release freeze', '--release', good);
    expect(alone).toMatchObject({ code: 0, stdout: expect.stringContaining(words) });
    const asked = await tool('release freeze', '--release', good, '--repository', outside);
    expect(asked).toMatchObject({ code: 1, stdout: expect.stringContaining(words) });
    const copy = await copyRelease(good, outside);
    await writeFile(join(copy, 'VERSION'), 'other\n');
    const changed = await tool('release freeze', '--release', copy, '--repository', outside);
    expect(changed).toMatchObject({ code: 1, stdout: expect.stringMatching(/^VERSION: has sha256/) });
  });

  it.runIf(process.getuid?.() === 0)(
    'says what to do in a repository of another user (as root)',
    async () => {
      const repository = await mkdtemp(join(work, 'foreign-'));
      git('init', '--quiet', repository);
      execFileSync('chown', ['-R', '54321:54321', repository]);
      const { code, stdout, stderr } = await tool(
        'release freeze',
        '--release',
        good,
        '--repository',
        repository,
      );
      expect([code, stderr]).toEqual([1, '']);
      expect(stdout).toContain(`no tag is set: the repository of ${repository} belongs to another user: `);
      expect(stdout).toContain(`git config --global --add safe.directory '${repository}'`);
    },
  );

  it('says that git is missing, and what it lacks, in a sentence of ours', async () => {
    const repository = await mkdtemp(join(work, 'new-'));
    git('init', '--quiet', repository);
    const ask = (env: NodeJS.ProcessEnv) =>
      toolIn({ env }, 'release freeze', '--release', good, '--repository', repository);
    expect(await ask({ PATH: '/nowhere' })).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('no tag is set: git is not installed, or not in PATH'),
    });
    // No commit to tag.
    expect(await ask({})).toMatchObject({
      code: 1,
      stderr: '',
      stdout: expect.stringContaining(
        `no tag is set: git does not work in ${repository}, which it puts as: `,
      ),
    });
  });

  it.each(['a/b', '..', 'v1..2', '-v1', 'v1.'])(
    'refuses the tag %j by the rule of all names',
    async (tag) => {
      const { code, stderr } = await tool('release freeze', '--release', good, `--tag=${tag}`);
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining('--tag: must be a name of 1 to 100 letters'),
      ]);
    },
  );
});
