/**
 * Simulated users: held-out article contexts of a release, sent to the gateway's /search as a Poisson process. A few ask with a text, or
 * with a vector, instead (--texts, --vectors: percent of the requests).
 * Prints a TrafficReport as one JSON line a second, and a last one at the end. Ends after --seconds, on SIGINT or
 * SIGTERM, or when its standard input closes (so that it never outlives the demo that started it).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'undici';
import { LANE_HEADERS } from '../domain/control/http.ts';
import { loadEvaluationSet } from '../retrieval/evaluation/set.ts';
import { releasesFolder } from './tool/places.ts';
import { positive, readOptions, refuse } from './tool/usage.ts';
import { poisson, seededRandom, zipfUsers } from '../devstack/traffic/arrivals.ts';
import { Tally } from '../devstack/traffic/tally.ts';

const USAGE =
  'usage: traffic [--gateway URL] [--release DIR] [--rate QPS] [--users N] [--skew S] [--texts %] [--vectors %] [--seconds N] [--seed N] [--with-parent]';
const values = readOptions(USAGE, {
  options: {
    gateway: { type: 'string', default: 'http://127.0.0.1:8080' },
    release: { type: 'string', default: join(releasesFolder(), 'v-1') },
    rate: { type: 'string', default: '150' },
    users: { type: 'string', default: '6000' },
    skew: { type: 'string', default: '0.6' },
    texts: { type: 'string', default: '1' },
    vectors: { type: 'string', default: '1' },
    seconds: { type: 'string' },
    seed: { type: 'string', default: '1' },
    'with-parent': { type: 'boolean', default: false },
  },
});

const rate = positive('--rate', values.rate, USAGE);
const users = positive('--users', values.users, USAGE);
const seconds = values.seconds === undefined ? null : positive('--seconds', values.seconds, USAGE);
if (!existsSync(join(values.release, 'manifest.json')))
  refuse(`--release: there is no release in ${values.release}`, USAGE);

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
if (values['with-parent']) process.stdin.on('end', () => stop.abort()).resume();
if (seconds !== null) setTimeout(() => stop.abort(), seconds * 1000).unref();

/** A body carries 5 x d numbers; six decimals keep the cosine to 1e-6 and halve the bytes. */
const { queries } = await loadEvaluationSet(values.release);
const digits = (vector: Float32Array) => Array.from(vector, (x) => Number(x.toFixed(6)));
const bodies = queries.map(({ context, exclude }) =>
  JSON.stringify({ context: context.map(digits), exclude, k: 10 }),
);
const vectors = queries.map(({ context: [first] }) =>
  JSON.stringify({ vector: first === undefined ? [] : digits(first), k: 10 }),
);
const [textShare, vectorShare] = [Number(values.texts) / 100, Number(values.vectors) / 100];
if (!(textShare >= 0 && vectorShare >= 0 && textShare + vectorShare <= 1))
  refuse('--texts, --vectors: must be percents that are 100 together at the most', USAGE);
const pool = new Pool(values.gateway, {
  connections: 64,
  pipelining: 1,
  headersTimeout: 5000,
  bodyTimeout: 5000,
});
const tally = new Tally();
const random = seededRandom(Number(values.seed));
const nextUser = zipfUsers(users, Number(values.skew), random);

/** Texts come from some thousands, so that the encoder's cache has a part of them. */
function nextBody(): string {
  const kind = random();
  if (kind < textShare)
    return JSON.stringify({ text: `what is known of subject ${Math.floor(random() * 3000)}`, k: 10 });
  const from = kind < textShare + vectorShare ? vectors : bodies;
  return from[Math.floor(random() * from.length)] ?? '';
}

async function ask(dueMs: number): Promise<void> {
  tally.send();
  const body = nextBody();
  const headers = { 'content-type': 'application/json', [LANE_HEADERS.requestKey]: `user-${nextUser()}` };
  try {
    const answer = await pool.request({ method: 'POST', path: '/search', body, headers });
    await answer.body.dump();
    if (answer.statusCode === 200)
      tally.answer(String(answer.headers[LANE_HEADERS.release]), performance.now() - dueMs);
    else tally.error(`HTTP ${answer.statusCode}`);
  } catch (error) {
    tally.error(error instanceof Error ? error.message : String(error));
  }
}

const print = () => process.stdout.write(`${JSON.stringify(tally.report())}\n`);
const printing = setInterval(print, 1000);
const underWay = new Set<Promise<void>>();
await poisson(
  rate,
  random,
  (dueMs) => {
    const asked: Promise<void> = ask(dueMs).finally(() => underWay.delete(asked));
    underWay.add(asked);
  },
  stop.signal,
);
await Promise.all(underWay);
clearInterval(printing);
print();
await pool.close();
