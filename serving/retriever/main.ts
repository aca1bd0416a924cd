/** A lane's process: opens one release, warms it up, listens on a free port, and ends with its gateway. */
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import type { Settings } from '../../domain/core/settings.ts';
import { readSettings } from '../../domain/core/settings.ts';
import { trimMemory } from '../../retrieval/index/open.ts';
import { openPipeline } from '../../retrieval/pipeline.ts';
import { processClock } from '../../retrieval/process-clock.ts';
import { ReleaseError } from '../../retrieval/release/manifest.ts';
import { createRetrieverApp } from './app.ts';
import type { ExplainLogOptions } from './explain-log.ts';
import { openExplainLog } from './explain-log.ts';
import { startIngest } from './ingest.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

const BODY_LIMIT = 1024 * 1024;
/** A release that is refused is not started again; other ends are. */
const REFUSED_EXIT_CODE = 3;

const SETTINGS = [
  'MODELS_DIR',
  'INGEST_LOG',
  'EXPLAIN_LOG',
  'EXPLAIN_LOG_BYTES',
  'EXPLAIN_LOG_TEXTS',
] as const;

const { values } = parseArgs({
  options: {
    release: { type: 'string' },
    releases: { type: 'string', default: 'artifacts/releases' },
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
  },
});
const log = pino({ name: `retriever ${values.release ?? ''}` }, pino.destination(2));

try {
  await main(values.release ?? '');
} catch (error) {
  if (error instanceof ReleaseError) {
    say({ event: 'refused', file: error.file, reason: error.reason });
    process.exitCode = REFUSED_EXIT_CODE;
  } else {
    log.fatal({ err: error }, errorMessage(error));
    process.exitCode = 1;
  }
  process.stdin.unref();
}

async function main(release: string): Promise<void> {
  if (release === '') throw new Error('--release is missing');
  const settings = readSettings(process.env, ...SETTINGS);
  const { MODELS_DIR: modelsDir, INGEST_LOG: ingestLog } = settings;
  const pipeline = await openPipeline(join(values.releases, release), {
    verify: true,
    ...(modelsDir ? { modelsDir } : {}),
  });
  await pipeline.warmUp();
  const built = pipeline.statistics();
  const ingest = ingestLog ? await startIngest(pipeline, ingestLog, reportFault) : undefined;
  const explain = explainOptions(settings, release);
  const explainLog = explain === null ? undefined : openExplainLog(explain);
  const app = createRetrieverApp({
    pipeline,
    built,
    bodyLimit: BODY_LIMIT,
    now: processClock.now,
    onFault: (error) => reportFault(error, 'search failed'),
    ...(ingest ? { ingest } : {}),
    ...(explainLog ? { explainLog } : {}),
  });
  await app.listen({ host: values.host, port: Number(values.port) });
  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    await app.close();
    await ingest?.close();
    await explainLog?.close();
    await pipeline.close();
    process.exit(0);
  };
  // The gateway holds the other end of our standard input: when it is gone, however it went, so are we.
  process.stdin.on('end', () => void stop()).on('error', () => void stop());
  process.stdin.resume();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop());
  collectOnce();
  say({ event: 'ready', port: (app.server.address() as AddressInfo).port, flags: pipeline.manifest.flags });
}

/** Null where nothing is explained. */
function explainOptions(
  {
    EXPLAIN_LOG: folder,
    EXPLAIN_LOG_BYTES: maxBytes,
    EXPLAIN_LOG_TEXTS: texts,
  }: Settings<(typeof SETTINGS)[number]>,
  release: string,
): ExplainLogOptions | null {
  if (folder === undefined) return null;
  return { folder, release, maxBytes, withTexts: texts === 'on', onFault: reportFault };
}

/** Reading a release leaves some 40 MB behind, which nothing would ask for until much later. */
function collectOnce(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  trimMemory();
}

function reportFault(error: unknown, text: string): void {
  log.error({ err: error }, text);
}

function say(word: object): void {
  process.stdout.write(`${JSON.stringify(word)}\n`);
}
