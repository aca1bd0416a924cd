import type { Finding } from './finding.ts';
import { wrong } from './finding.ts';

/** Each of these is asked for itself: where none answers there is nothing behind them to look at. */
const ASKED: readonly string[] = ['gateway', 'control', 'worker process', 'Temporal'];

/** What was found of what runs; one finding in its place where nothing does, which is no outage of its parts. */
export function onceWhereNothingRuns(findings: readonly Finding[]): readonly Finding[] {
  const answers = (part: string) => findings.some((of) => of.part === part && of.state !== 'wrong');
  return ASKED.some(answers)
    ? findings
    : [
        wrong(
          'stack',
          'nothing runs here: neither gateway nor Temporal nor worker answers',
          'npm start; where it runs elsewhere, set GATEWAY_URL, CONTROL_URL, TEMPORAL_ADDRESS and WORKER_HEALTH_URL',
        ),
      ];
}
