import { z } from 'zod';
import type { DecisionLine } from '../../../domain/audit/hash-chain.ts';
import { chainProblem } from '../../../domain/audit/hash-chain.ts';
import type { DecisionRecord } from '../../../domain/rollout/decision-record.ts';
import type { ReplayedDecision } from '../../../domain/audit/replay-decisions.ts';
import { replayDecisions } from '../../../domain/audit/replay-decisions.ts';
import { existing } from '../../cli/options.ts';
import { UsageError, command } from '../../cli/command.ts';
import { decisionsFolder, newestDecisions, readDecisions, sha256 } from './decision-files.ts';
import { readPlan } from './plan-file.ts';
import { VERDICT_MARKS, formatTime } from './format-status.ts';

export const judge = command({
  example: '--plan demo',
  options: {
    plan: { value: 'NAME', help: 'the other plan: a name in plans/, or a .yaml file', schema: z.string() },
    record: {
      value: 'FILE',
      help: 'decision records (default: the newest of artifacts/decisions)',
      schema: existing.optional(),
    },
    run: { value: 'ID', help: 'run id (default: the newest of the file)', schema: z.string().optional() },
  },
  async run({ plan: name, record, run }) {
    const plan = await readPlan(name);
    const file = record ?? (await newestDecisions(decisionsFolder()));
    if (file === null) throw new UsageError(`there are no decision records in ${decisionsFolder()}`);
    const lines = await readDecisions(file);
    const problem = chainProblem(lines, sha256);
    const records = recordsOf(lines, run ?? null, file);
    const [first] = records;
    const judged = replayDecisions(plan, records);
    const different = judged.find(({ differs }) => differs) ?? null;
    const lost = missingNumbers(records);
    return {
      passed: problem === null && lost.length === 0 && different === null,
      lines: [
        `${file}: ${lines.length} records, ${problem ?? 'each as it was written'}`,
        ...(lost.length === 0 ? [] : [`records that were lost: ${lost.join(', ')}`]),
        `${first?.candidate} by ${first?.plan.name} (${first?.runId}), judged by ${plan.name}:`,
        ...judged.flatMap(sideBySide),
        different === null
          ? 'the two plans decide alike'
          : `the first difference: ${different.stage}, ${formatTime(different.atMs)}: ${first?.plan.name} ${different.was.follows}, ${plan.name} ${different.would.follows}; what came later was measured on the first one's way`,
      ],
      result: { file, problem, lost, runId: first?.runId, judged, firstDifference: different },
    };
  },
});

function sideBySide({ stage, percent, atMs, was, would, differs }: ReplayedDecision): string[] {
  const one = (says: string, { verdict, follows, reason }: ReplayedDecision['was']) =>
    `    ${says} ${VERDICT_MARKS[verdict]} ${verdict.padEnd(7)} ${follows.padEnd(10)} ${reason}`;
  return [
    `${differs ? '≠' : '='} ${formatTime(atMs)}  ${stage} ${percent} %`,
    one('was  ', was),
    one('would', would),
  ];
}

/** Numbers of one run count from 1 without a gap. */
function missingNumbers(records: readonly DecisionRecord[]): number[] {
  const there = new Set(records.map(({ number }) => number));
  const last = Math.max(0, ...there);
  return Array.from({ length: last }, (_, i) => i + 1).filter((number) => !there.has(number));
}

function recordsOf(lines: readonly DecisionLine[], run: string | null, file: string): DecisionRecord[] {
  const runId = run ?? lines.at(-1)?.record.runId;
  const records = lines.map(({ record }) => record).filter((record) => record.runId === runId);
  if (records.length === 0) throw new UsageError(`${file} has no record of run ${run ?? '(it is empty)'}`);
  return records;
}
