import { nodeCommand } from '../../devstack/process.ts';
import { startLineProcess } from '../line-process.ts';
import type { LoadStep, OpenQuestion, Turns, TurnsQuestion } from './question.ts';
import { parseLoadStep, parseTurns } from './question.ts';

/** The load generator's process. One question at a time. */
export interface LoadGenerator {
  open(question: Omit<OpenQuestion, 'kind'>): Promise<LoadStep>;
  turns(question: Omit<TurnsQuestion, 'kind'>): Promise<Turns>;
  close(): void;
}

/** @param queries n*dimension floats as .npy, sent again and again in their order */
export function startGenerator(queries: string): LoadGenerator {
  const command = nodeCommand('bench/load', queries);
  const child = startLineProcess('the load generator', command, process.env);
  return {
    open: async (question) => parseLoadStep(await child.ask({ kind: 'open', ...question })),
    turns: async (question) => parseTurns(await child.ask({ kind: 'turns', ...question })),
    close: child.close,
  };
}
