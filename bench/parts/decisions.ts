import { DEFAULT_QUESTION, reportDecisions } from '../decisions/report.ts';

/** Good and bad releases, simulated, through the domain code under both judges. `bench/decisions/main.ts` has the options. */
export function runDecisions(): Promise<void> {
  reportDecisions(DEFAULT_QUESTION);
  return Promise.resolve();
}
