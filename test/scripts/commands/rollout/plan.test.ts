import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../../../platform/node-command.ts';
import { tool, toolIn } from '../../../support/tool-process.ts';

describe('rollout plan', () => {
  const rollout = (...args: readonly string[]) => tool('rollout', 'plan', ...args);

  it("is called as README says, and takes the plan of 'rollout start'", async () => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
    const line = /^npm run rollout -- plan(.*?)#/m.exec(readme)?.[1]?.trim() ?? '';
    const { code, stdout } = await rollout(...line.split(' '));
    expect(stdout).toMatch(/^runbook-48h: .* at 20 requests a second\n/);
    expect(stdout).toContain('a gross failure would be noticed within 4.0 minutes');
    expect(stdout).toMatch(
      /errorRate against stable over 0\.2 points: warn .*; can tell 0\.37 points\n {6}at the first look it passes up to /,
    );
    expect(stdout).toMatch(/retrievalP95 .*; can tell 8\.22 ms\n/);
    expect(stdout).toMatch(/nearDuplicates .*; no size can be stated\n/);
    expect(code).toBe(0);
  });

  it('tells rows of one metric apart by limit and action, wherever it is called', async () => {
    const { stdout } = await toolIn({ cwd: tmpdir() }, 'rollout', 'plan', 'runbook-48h', '--rate', '0.05');
    expect(stdout).toContain(', at 0.05 requests a second');
    expect(stdout).toMatch(
      /shadowQualityDrop over 5 points: hold .*\n.*\n +shadowQualityDrop over 20 points: rollback /,
    );
  });

  it.each([
    ['two plans', ['--plan', 'runbook-48h', 'demo'], /demo, and --plan as well: give one of them/],
    ['a rate that is no number', ['--rate', 'abc'], /--rate: must be a number above 0/],
  ])('refuses %s', async (_, args, words) => {
    const { code, stderr } = await rollout(...args);
    expect(stderr).toMatch(words);
    expect(code).toBe(2);
  });

  it('shows in its help that the name may be left out, and defaults as one types them', async () => {
    expect((await rollout('--help')).stdout).toMatch(/\[NAME\], --plan NAME .*\(default runbook-48h\)/);
    expect((await tool('schedules', 'apply', '--help')).stdout).toMatch(/--nightly .*\(default 04:00\)/);
  });
});
