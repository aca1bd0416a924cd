import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'undici';
import { z } from 'zod';
import { LANE_HEADERS } from '../../../domain/control/http.ts';
import { poisson, seededRandom, zipfUsers } from '../../../devstack/traffic/arrivals.ts';
import { Tally } from '../../../devstack/traffic/tally.ts';
import { loadEvaluationSet } from '../../../retrieval/evaluation/set.ts';
import { UsageError, command } from '../../cli/command.ts';
import { nonNegative, percent, positive, seed } from '../../cli/options.ts';
import { releasesFolder } from '../../cli/paths.ts';
import { errorMessage } from '../../../domain/core/error-message.ts';

const REPORT_MS = 1_000;

/**
 * Simulated users: held-out article contexts of a release, sent to the gateway's /search as a Poisson process. Ends after
 * --seconds, on SIGINT or SIGTERM, or with its parent.
 */
export const traffic = command({
  example: '--gateway http://127.0.0.1:8080 --rate 20 --seconds 60',
  options: {
    gateway: { value: 'URL', help: 'the gateway', schema: z.string().default('http://127.0.0.1:8080') },
    release: {
      value: 'DIR',
      help: 'release folder with the queries',
      schema: z
        .string()
        .default(() => join(releasesFolder(), 'v-1'))
        .refine((dir) => existsSync(join(dir, 'manifest.json')), {
          error: ({ input }) => `there is no release in ${String(input)}`,
        }),
    },
    rate: { value: 'QPS', help: 'requests a second', schema: positive.prefault('150') },
    users: { value: 'N', help: 'users', schema: positive.prefault('6000') },
    skew: {
      value: 'S',
      help: 'exponent of the Zipf distribution of requests over users',
      schema: nonNegative.prefault('0.6'),
    },
    texts: { value: 'PERCENT', help: 'requests that ask with a text', schema: percent.prefault('1') },
    vectors: { value: 'PERCENT', help: 'requests that ask with a vector', schema: percent.prefault('1') },
    seconds: { value: 'N', help: 'ends after so long', schema: positive.optional() },
    seed,
    'with-parent': {
      help: 'ends when its standard input closes, so that it never outlives the process that started it',
      schema: z.boolean().default(false),
    },
  },
  async run({ gateway, rate, seconds, 'with-parent': withParent, ...users }, { say }) {
    if (users.texts + users.vectors > 1)
      throw new UsageError('--texts, --vectors: must be at most 100 % together');
    const stop = stopSignal(seconds ?? null, withParent);
    const random = seededRandom(users.seed);
    const nextBody = await bodies(users, random);
    const nextUser = zipfUsers(users.users, users.skew, random);
    const pool = new Pool(gateway, {
      connections: 64,
      pipelining: 1,
      headersTimeout: 5000,
      bodyTimeout: 5000,
    });
    const tally = new Tally();
    const printing = setInterval(() => say(JSON.stringify(tally.report())), REPORT_MS);
    const underWay = new Set<Promise<void>>();
    await poisson(
      rate,
      random,
      (dueMs) => {
        const asked: Promise<void> = ask(pool, tally, { body: nextBody(), user: nextUser(), dueMs }).finally(
          () => underWay.delete(asked),
        );
        underWay.add(asked);
      },
      stop,
    );
    await Promise.all(underWay);
    clearInterval(printing);
    await pool.close();
    const report = tally.report();
    return { passed: true, lines: [JSON.stringify(report)], result: { ...report } };
  },
});

function stopSignal(seconds: number | null, withParent: boolean): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
  if (withParent) process.stdin.on('end', () => stop.abort()).resume();
  if (seconds !== null) setTimeout(() => stop.abort(), seconds * 1000).unref();
  return stop.signal;
}

/** Draws the body of a request: a context, or now and then a text or a vector. */
async function bodies(
  { release, texts, vectors }: { readonly release: string; readonly texts: number; readonly vectors: number },
  random: () => number,
): Promise<() => string> {
  const { queries } = await loadEvaluationSet(release);
  // A body carries 5 x d numbers; six decimals keep the cosine to 1e-6 and halve the bytes.
  const digits = (vector: Float32Array) => Array.from(vector, (x) => Number(x.toFixed(6)));
  const contextBodies = queries.map(({ context, exclude }) =>
    JSON.stringify({ context: context.map(digits), exclude, k: 10 }),
  );
  const vectorBodies = queries.map(({ context: [first] }) =>
    JSON.stringify({ vector: first === undefined ? [] : digits(first), k: 10 }),
  );
  return () => {
    const kind = random();
    // Texts come from some thousands, so that the encoder's cache has a part of them.
    if (kind < texts)
      return JSON.stringify({ text: `what is known of subject ${Math.floor(random() * 3000)}`, k: 10 });
    const from = kind < texts + vectors ? vectorBodies : contextBodies;
    return from[Math.floor(random() * from.length)] ?? '';
  };
}

async function ask(
  pool: Pool,
  tally: Tally,
  { body, user, dueMs }: { readonly body: string; readonly user: number; readonly dueMs: number },
): Promise<void> {
  tally.send();
  const headers = { 'content-type': 'application/json', [LANE_HEADERS.requestKey]: `user-${user}` };
  try {
    const answer = await pool.request({ method: 'POST', path: '/search', body, headers });
    await answer.body.dump();
    if (answer.statusCode === 200)
      tally.answer(String(answer.headers[LANE_HEADERS.release]), performance.now() - dueMs);
    else tally.error(`HTTP ${answer.statusCode}`);
  } catch (error) {
    tally.error(errorMessage(error));
  }
}
