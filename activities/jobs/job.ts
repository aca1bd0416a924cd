import { ApplicationFailure, cancellationSignal, heartbeat } from '@temporalio/activity';
import { z } from 'zod';
import { ReleaseError } from '../../retrieval/release/manifest.ts';
import { moduleCommand } from '../../platform/node-command.ts';
import { endWithParent, runNiced } from '../../platform/subprocess.ts';
import type { ControlOptions } from '../../clients/gateway-client.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

const answerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('done'), value: z.unknown() }),
  z.object({ kind: z.literal('failed'), reason: z.string(), permanent: z.boolean() }),
]);

/** While a child says nothing, so often. */
const BEAT_MS = 5_000;

/**
 * Runs a step of an activity as a niced child process: `module -main` gets the job as JSON and answers through
 * `serveJob`; every other line is progress and becomes the heartbeat. Throws with the child's own words:
 * non-retryable where the release or the job is wrong.
 */
export async function runJob<T>(module: string, job: object, result: z.ZodType<T>): Promise<T> {
  const answer = await runJobForLastLine(module, job, answerSchema);
  if (answer.kind === 'done') return result.parse(answer.value);
  const { reason, permanent } = answer;
  throw permanent ? ApplicationFailure.nonRetryable(reason, 'WrongRelease') : new Error(reason);
}

/**
 * The same for a `-main` whose last line is an answer of its own shape. A child that says nothing is alive as long as it
 * runs: the heartbeat goes on, so that no second one starts beside it.
 */
export async function runJobForLastLine<T>(
  module: string,
  job: object,
  answer: z.ZodType<T>,
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  let said = 'started';
  const beat = setInterval(() => heartbeat(said), BEAT_MS);
  try {
    const child = await runNiced(moduleCommand(`activities/${module}`, [JSON.stringify(job)]), {
      signal: cancellationSignal(),
      env,
      onLine: (line) => heartbeat((said = line.slice(0, 200))),
    });
    const last = answer.safeParse(jsonOrNull(child.stdout.slice(child.stdout.lastIndexOf('\n') + 1)));
    if (last.success) return last.data;
    throw new Error(`${module} ended with ${child.code}: ${child.stderr.trim().slice(-500)}`);
  } finally {
    clearInterval(beat);
  }
}

/** How a child comes by the token of the control listener. */
export function tokenFor({ token }: ControlOptions): Readonly<Record<string, string>> {
  return 'value' in token ? { CONTROL_TOKEN: token.value } : { CONTROL_TOKEN_FILE: token.file };
}

/** The child's side: reads the job, runs it, and prints the answer as the last line. */
export async function serveJob<J>(
  job: z.ZodType<J>,
  run: (job: J, say: (line: string) => void) => Promise<unknown>,
): Promise<void> {
  endWithParent();
  const say = (line: string) => process.stdout.write(`${line}\n`);
  try {
    const value = await run(job.parse(JSON.parse(process.argv[2] ?? 'null')), say);
    say(JSON.stringify({ kind: 'done', value }));
  } catch (error) {
    const reason = errorMessage(error);
    const permanent = error instanceof ReleaseError || error instanceof z.ZodError;
    say(JSON.stringify({ kind: 'failed', reason, permanent }));
  }
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
