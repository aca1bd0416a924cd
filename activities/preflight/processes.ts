import { z } from 'zod';
import { moduleCommand } from '../../platform/node-command.ts';
import { runNiced } from '../../platform/subprocess.ts';
import type { PreflightCheck } from '../../domain/preflight/report.ts';

const row = z.object({
  name: z.string(),
  verdict: z.enum(['pass', 'fail', 'inconclusive']),
  reason: z.string(),
});

/** What release-check-main is to look at. */
export type ReleaseCheck = 'files-only' | 'with-smoke-tests';

/** Files, checksums and dimension of a release, then its smoke tests; one row each, from a niced process. */
export async function checkRelease(
  dir: string,
  release: string,
  what: ReleaseCheck,
  signal: AbortSignal,
): Promise<PreflightCheck[]> {
  const rows: PreflightCheck[] = [];
  const child = await runNiced(
    moduleCommand('activities/preflight/release-check-main', [dir, release, what]),
    {
      signal,
      onLine: (line) => rows.push(row.parse(JSON.parse(line))),
    },
  );
  if (child.code === 0 && rows.length > 0) return rows;
  const reason = `the check of ${release} ended with ${child.code}: ${child.stderr.trim().slice(-400)}`;
  return [...rows, { name: `files of ${release}`, verdict: 'inconclusive', reason }];
}

/** `rollback_retriever.sh RELEASE --dry-run`: the very script that an operator would run in an emergency. */
export async function rollbackDryRun(
  script: string,
  release: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<PreflightCheck[]> {
  const child = await runNiced(['bash', script, release, '--dry-run'], { signal, env });
  const said = (child.code === 0 ? child.stdout : `${child.stdout}\n${child.stderr}`).trim();
  const reason = said.split('\n').at(-1) ?? '';
  return [
    {
      name: 'rollback dry run',
      verdict: child.code === 0 ? 'pass' : 'fail',
      reason: reason || `the script ended with ${child.code} and said nothing`,
    },
  ];
}
