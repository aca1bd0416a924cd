import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { createGatewayMetrics } from '../../clients/gateway-metrics.ts';
import { firstState } from '../../domain/control/apply-command.ts';
import { evaluateGate } from '../../domain/gate/evaluate-gate.ts';
import { guardStep, newGuard } from '../../domain/guard/guard.ts';
import { LANE_HEADERS } from '../../domain/control/http.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import { aPlan } from '../support/a-plan.ts';
import type { SnapshotResult } from '../../domain/metrics/snapshot.ts';
import { windowBetween } from '../../domain/metrics/window.ts';
import { encoderFolder, encoderIdentity, readEncoderManifest } from '../../retrieval/encoder/manifest.ts';
import { sha256Of } from '../../retrieval/release/checksums.ts';
import type { TestGateway } from '../support/gateway-process.ts';
import { createTestGateway, oldAndNew } from '../support/gateway-process.ts';
import type { GateResult } from '../../domain/gate/gate-result.ts';
import type { GuardEvent } from '../../domain/guard/state.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MINUTE = 60_000;
const PERCENT = 50;

let releases = '';
let models = '';
let query: object = {};
let gateway: TestGateway;

/** What is wrong with the candidate's encoder, and meets text users alone: vectors are never encoded. */
interface Fault {
  /** Put before each query, and before no passage, as an instruction that was meant for another model would. */
  readonly queryPrefix?: string;
  /** More than the model's 512 positions: it fails at a longer text, where stable's cuts it off. */
  readonly maxTokens: number;
}
const SLOW: Fault = { queryPrefix: 'find what answers this '.repeat(100), maxTokens: 512 };
const FAILING: Fault = { maxTokens: 4_096 };

async function writeEncoder(fault: Fault): Promise<void> {
  const good = encoderFolder(ROOT);
  const manifest = JSON.parse(await readFile(join(good, 'manifest.json'), 'utf8'));
  await cp(good, join(models, manifest.name), { recursive: true });
  await cp(good, join(models, 'faulty'), { recursive: true });
  await writeFile(
    join(models, 'faulty/manifest.json'),
    JSON.stringify({ ...manifest, name: 'faulty', ...fault }),
  );
}

/** A gateway that gives half of its users to a release with that encoder. */
async function startWith(fault: Fault): Promise<void> {
  ({ releases, query } = await oldAndNew());
  models = await mkdtemp(join(tmpdir(), 'models-'));
  await writeEncoder(fault);
  const file = join(releases, 'v0/manifest.json');
  const manifest = JSON.parse(await readFile(file, 'utf8'));
  manifest.encoder = encoderIdentity(await readEncoderManifest(join(models, 'faulty')));
  await writeFile(file, JSON.stringify(manifest));
  const sums = join(releases, 'v0/checksums.txt');
  const listed = (await readFile(sums, 'utf8')).replace(/^\w+(?= {2}manifest\.json$)/m, await sha256Of(file));
  await writeFile(sums, listed);
  gateway = await createTestGateway(releases);
  await gateway.start({ MODELS_DIR: models });
  await gateway.share(PERCENT);
}
afterEach(async () => {
  await gateway.close();
  await rm(releases, { recursive: true });
  await rm(models, { recursive: true });
});

let asked = 0;
/** A minute's users, on both lanes: texts that no cache knows, vectors, and contexts. */
async function users(texts: number, ending: string): Promise<void> {
  const ask = async (body: object) => {
    const answer = await gateway.search(body, { [LANE_HEADERS.requestKey]: `user-${asked++}` });
    expect(answer.status).toBe(200);
  };
  const vector = Array.from({ length: 384 }, (_, i) => (i === 0 ? 1 : 0));
  for (let i = 0; i < texts; i++) {
    await ask({ text: `what is known of number ${asked}${ending}` });
    await ask({ vector });
    await ask(query);
  }
}

/** The gate's rows at this percent, which want 30 samples here: there is no quarter of an hour. */
function judged(plan: Plan, opening: SnapshotResult, closing: SnapshotResult): GateResult {
  const result = windowBetween(opening, closing);
  if (result.kind !== 'window') throw new Error(result.reason);
  const rows = (plan.stages.find(({ percent }) => percent === PERCENT)?.rows ?? [])
    .filter(({ metric }) => ['errorRate', 'requestP95', 'encodeP95'].includes(metric))
    .map((row) => ({ ...row, minSamples: 30 }));
  const nothingElse = { reference: null, candidateQuality: null, stableQuality: null, evaluation: null };
  return evaluateGate(plan, rows, { window: result.window, ...nothingElse, looks: 9 }, 0);
}

interface Watched {
  readonly opening: SnapshotResult;
  readonly closing: SnapshotResult;
  readonly events: readonly GuardEvent[];
}

/** A guard that looks each minute, while users come, until it has seen a breach or for a quarter of an hour. */
async function watch(plan: Plan, ending = ''): Promise<Watched> {
  let nowMs = 0;
  const metrics = createGatewayMetrics(gateway.url(), () => nowMs);
  const control = {
    state: { ...firstState({ release: 'v-1', flags: null }, 0), epoch: 1, percent: PERCENT },
    lanes: { stable: null, candidate: null, previous: null, spare: null },
    nowMs: 0,
    killSwitch: false,
  };
  const context = { plan, epoch: 1, interventions: 0, candidateQuality: null, stableQuality: null };
  let state = newGuard(0);
  let polls = 0;
  /** The gateway's counters now, whose clock goes on by minutes as the guard's does. */
  const read = async (): Promise<SnapshotResult> => {
    const result = await metrics.snapshot();
    if (result.kind === 'missing') return result;
    return { ...result, snapshot: { ...result.snapshot, uptimeMs: nowMs + ++polls } };
  };
  const poll = async (): Promise<{ snapshot: SnapshotResult; event: GuardEvent | null }> => {
    const snapshot = await read();
    const step = guardStep(state, { snapshot, control }, context, nowMs);
    ({ state } = step);
    return { snapshot, event: step.event };
  };
  const { snapshot: opening } = await poll();
  // Nobody comes while the caches are cold.
  for (; nowMs < 16 * MINUTE; nowMs += MINUTE) await poll();
  const events: GuardEvent[] = [];
  let closing = opening;
  for (
    let minute = 0;
    minute < 15 && !events.some(({ kind }) => kind === 'breach');
    minute++, nowMs += MINUTE
  ) {
    await users(40, ending);
    const { snapshot, event } = await poll();
    closing = snapshot;
    if (event !== null) events.push(event);
  }
  return { opening, closing, events };
}

it('a release that delays text users alone is taken back, by the gate and by the guard', async () => {
  await startWith(SLOW);
  const plan = aPlan();
  const { opening, closing, events } = await watch(plan);
  expect(events.at(-1)).toMatchObject({
    kind: 'breach',
    trigger: 'sustained encodeP95 of text queries x3 over 20 points',
  });
  const verdict = judged(plan, opening, closing);
  expect(verdict).toMatchObject({ verdict: 'fail', onFail: 'rollback' });
  const kinds = verdict.rows.flatMap(({ row, kind, verdict: of }) =>
    row.metric === 'requestP95' && of === 'warn' ? [kind] : [],
  );
  expect(kinds).toEqual(['text']);
});

it('a release that fails text users alone is taken back as well, though stable answers each of them', async () => {
  await startWith(FAILING);
  const plan = aPlan();
  const { opening, closing, events } = await watch(plan, ', and of all that came before it'.repeat(100));
  expect(events.at(-1)).toMatchObject({ kind: 'breach', trigger: 'gross errors' });
  const verdict = judged(plan, opening, closing);
  expect(verdict).toMatchObject({ verdict: 'fail', onFail: 'rollback' });
  expect(verdict.rows.flatMap(({ row, verdict: of }) => (of === 'fail' ? [row.metric] : []))).toContain(
    'errorRate',
  );
});
