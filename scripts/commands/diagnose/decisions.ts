import type { DecisionLine } from '../../../domain/audit/hash-chain.ts';
import { chainProblem } from '../../../domain/audit/hash-chain.ts';
import { newestDecisions, readDecisions, sha256 } from '../rollout/decision-files.ts';
import { formatTime } from '../rollout/format-status.ts';
import type { Finding } from './finding.ts';
import { ok, skipped, wordsOf, wrong } from './finding.ts';

/** As many verdicts as fit on a screen. */
const NEWEST = 3;

/** The latest verdicts, and whether their records are as they were written. */
export async function decisionFindings(folder: string): Promise<Finding[]> {
  const part = 'decisions';
  const file = await newestDecisions(folder);
  if (file === null) return [skipped(part, `none in ${folder}: no rollout has decided anything`)];
  try {
    const lines = await readDecisions(file);
    const problem = chainProblem(lines, sha256);
    const newest = lines.filter(({ record }) => record.kind === 'verdict').slice(-NEWEST);
    return [
      problem === null
        ? ok(part, `${lines.length} records in ${file}, each as it was written`)
        : wrong(part, `${file}: ${problem}`, 'somebody changed it, or a disk did: restore it from a backup'),
      ...newest.map(formatVerdict),
    ];
  } catch (error) {
    return [
      wrong(part, wordsOf(error), 'a record that cannot be read is no evidence: restore it from a backup'),
    ];
  }
}

function formatVerdict({
  record: { atMs, candidate, stage, verdict, action, reason },
}: DecisionLine): Finding {
  return ok(
    'verdict',
    `${formatTime(atMs)} ${candidate} ${stage}: ${verdict}, ${action}: ${reason.slice(0, 160)}`,
  );
}
