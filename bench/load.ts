/** The load generator, a process of its own: `load.ts QUERIES.npy`; a question a line on stdin, an answer on stdout. */
import { onLines } from '../platform/text/lines.ts';
import { prepareRequests } from './load/bodies.ts';
import { openLoop } from './load/open-loop.ts';
import { parseQuestion } from './load/question.ts';
import { takeTurns } from './load/turns.ts';

const requests = await prepareRequests(process.argv[2] ?? '');

// Whoever asked has gone: what is under way has no reader.
process.stdin.on('end', () => process.exit(0));
onLines(process.stdin, (line) => void answer(line));

async function answer(line: string): Promise<void> {
  const question = parseQuestion(JSON.parse(line));
  const prepared = requests[question.body];
  const answered =
    question.kind === 'open' ? await openLoop(question, prepared) : await takeTurns(question, prepared);
  console.log(JSON.stringify(answered));
}
