import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../../platform/node-command.ts';
import { missingName } from './known-names.ts';

const operations = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
/** The tools of the runbook (shared/runbook.txt), which is no part of the repository. */
const TOOLS = [
  'tools/ivf_vs_flat_check.py',
  'tools/check_l2_norms.py',
  'tools/compare_rerank.py',
  'tools/run_clean_eval.py',
  'tools/compare_metrics.py',
  'tools/check_rollback.py',
  'tools/nprobe_sweep.py',
  'tools/rebuild_flat_truth.py',
  'tools/diagnose_retriever.py',
  'scripts/rollback_retriever.sh',
];

it.each(TOOLS)('docs/operations.md leads from %s to a command that exists', (tool) => {
  const row = operations.split('\n').find((line) => line.startsWith(`| \`${tool}\` |`)) ?? '';
  const [, command = ''] = /`retriever ([^`]+)`/.exec(row) ?? [];
  expect(missingName({ kind: 'command', name: command })).toBeNull();
});

it.each(['README.md', 'docs/operations.md', 'docs/encoders.md', 'docs/performance.md', 'docs/upgrade.md'])(
  'each `npx retriever` command of %s exists',
  (file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    const named = [...text.matchAll(/npx retriever ([a-z-]+(?: [a-z][a-z-]+)?)/g)].map(
      ([, words = '']) => words,
    );
    const known = (words: string) =>
      [words, words.split(' ')[0] ?? ''].some((name) => missingName({ kind: 'command', name }) === null);
    expect(named.filter((words) => !known(words))).toEqual([]);
  },
);
