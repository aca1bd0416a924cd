import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createGatewayMetrics } from '../../clients/gateway-metrics.ts';
import { evaluateGate } from '../../domain/gate/evaluate-gate.ts';
import type { SnapshotResult } from '../../domain/metrics/snapshot.ts';
import { windowBetween } from '../../domain/metrics/window.ts';
import { buildRelease } from '../../retrieval/build/release-builder.ts';
import { SMALL_CORPUS, releasesFolder, smallBuild, smallRelease } from '../fixtures/releases.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { OLD_FLAGS, createTestGateway } from '../support/gateway-process.ts';
import { aPlan } from '../support/a-plan.ts';

/** Of 14 articles of 14 chunks: as many ids as a query may leave out. */
const KEPT = 98;
const PERCENT = 50;
const QUERIES = 120;

let folder = '';
let releases = '';
let gateway: TestGateway;
let kept: readonly string[] = [];

/** A candidate that was built from half of the corpus. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'half-corpus-'));
  const lines = (await readFile(SMALL_CORPUS, 'utf8')).trim().split('\n').slice(0, KEPT);
  kept = lines.map((line) => (JSON.parse(line) as { id: string }).id);
  await writeFile(join(folder, 'corpus.jsonl'), lines.join('\n'));
  const half = await buildRelease({ ...smallBuild(folder, 'v0'), corpus: join(folder, 'corpus.jsonl') });
  releases = await releasesFolder(await smallRelease('v-1', 'good', OLD_FLAGS), half.dir);
  gateway = await createTestGateway(releases);
  await gateway.start();
  await gateway.share(PERCENT);
}, 240_000);
afterAll(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
  await rm(folder, { recursive: true });
});

/** The gate's row on empty answers, which wants 20 of them here: there is no quarter of an hour. */
function judged(opening: SnapshotResult, closing: SnapshotResult) {
  const result = windowBetween(opening, closing);
  if (result.kind !== 'window') throw new Error(result.reason);
  const plan = aPlan();
  const rows = (plan.stages.find(({ percent }) => percent === PERCENT)?.rows ?? [])
    .filter(({ metric }) => metric === 'emptyResults')
    .map((row) => ({ ...row, minSamples: 20 }));
  const nothingElse = { reference: null, candidateQuality: null, stableQuality: null, evaluation: null };
  return evaluateGate(plan, rows, { window: result.window, ...nothingElse, looks: 1 }, 0);
}

it('a candidate that finds nothing where stable does is warned of', async () => {
  const startMs = Date.now();
  const metrics = createGatewayMetrics(gateway.url(), () => Date.now());
  const opening = await metrics.snapshot();
  const found = { stable: 0, candidate: 0 };
  for (let i = 0; i < QUERIES; i++) {
    const vector = Array.from({ length: 384 }, (_, at) => (at === i ? 1 : 0));
    const { status, body } = await gateway.search(
      { vector, exclude: kept },
      { 'x-request-key': `user-${i}` },
    );
    expect(status).toBe(200);
    found[body.lane as 'stable' | 'candidate'] += body.results.length;
  }
  expect(found.candidate).toBe(0);
  expect(found.stable).toBeGreaterThan(0);
  // The gateway asks the lanes for their counters now and then.
  await pause(Math.max(0, startMs + 3_000 - Date.now()));
  const judgement = judged(opening, await metrics.snapshot());
  expect(judgement).toMatchObject({ verdict: 'warn', rows: [{ measured: { kind: 'value', value: 1 } }] });
});
