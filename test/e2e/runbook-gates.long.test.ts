import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { parsePlan } from '../../plan-files/parse-plan.ts';
import type { GateCheck, Plan } from '../../domain/plan/plan.ts';
import { definitionOf } from '../../domain/metrics/registry.ts';
import type { StatusRow } from '../../domain/rollout/status/status.ts';
import { ROOT } from '../../platform/node-command.ts';
import { releasesFolder, smallRelease } from '../fixtures/releases.ts';
import type { World } from '../support/world.ts';
import { startWorld, until } from '../support/world.ts';

const REQUESTS_PER_SECOND = 150;
/** What a gate needs at that rate in its short window; the small release has 27 labelled queries. */
const LEAST_SAMPLES = 20;
const SECONDS = { stage: 45, decide: 40, window: 35 };

let world: World;
let releasesDir = '';
let plansDir = '';
let plan: Plan;

/** plans/runbook-48h.yaml with its rows and limits as they are, and its times in seconds. */
function shortened(text: string): Record<string, unknown> {
  const { monitor: _, ...whole } = parse(text, { merge: true });
  return {
    ...whole,
    plan: 'runbook-short',
    baseline: '5s',
    extend: { by: '10s', atMost: 2 },
    holdEvery: '10s',
    guard: { ...whole.guard, poll: '2s', compareEvery: '10s' },
    stages: whole.stages.map((stage: { rows: { metric: string; minSamples: number }[] }, i: number) => ({
      ...stage,
      at: `${i * SECONDS.stage}s`,
      warmUp: '3s',
      decideAt: `${i * SECONDS.stage + SECONDS.decide}s`,
      window: `${SECONDS.window}s`,
      rows: stage.rows.map((row) => ({
        ...row,
        // A lane looks at every 100th answer.
        minSamples: row.metric === 'nearDuplicates' ? 1 : Math.min(row.minSamples, LEAST_SAMPLES),
      })),
    })),
  };
}

function parsed(raw: unknown): Plan {
  const result = parsePlan(raw);
  if (!result.ok) throw new Error(result.problems.join('; '));
  return result.plan;
}

beforeAll(async () => {
  releasesDir = await releasesFolder(await smallRelease('v-1'), await smallRelease('r-2'));
  plansDir = await mkdtemp(join(tmpdir(), 'plans-'));
  await cp(join(ROOT, 'test/fixtures/plans'), plansDir, { recursive: true });
  const raw = shortened(await readFile(join(ROOT, 'plans/runbook-48h.yaml'), 'utf8'));
  plan = parsed(raw);
  await writeFile(join(plansDir, 'runbook-short.yaml'), stringify(raw));
  world = await startWorld(releasesDir, 'v-1', {}, () => {}, plansDir);
}, 300_000);
afterAll(async () => {
  await world?.close();
  for (const folder of [releasesDir, plansDir]) await rm(folder, { recursive: true, force: true });
});

/** The limits of a row: what a gate decides by. */
const limitsOf = ({ metric, compareTo, warnAbove, failAbove, onFail, useInterval }: GateCheck) => [
  [metric, compareTo],
  [warnAbove, failAbove, onFail, useInterval],
];

describe("the runbook's plan on real lanes", () => {
  it('keeps every limit where its times are shortened', async () => {
    const whole = parsed(
      parse(await readFile(join(ROOT, 'plans/runbook-48h.yaml'), 'utf8'), { merge: true }),
    );
    const limits = ({ stages }: Plan) => stages.map(({ rows }) => rows.map(limitsOf));
    expect(limits(plan)).toEqual(limits(whole));
  });

  it(
    'measures every row of every gate, and ships',
    async () => {
      await world.startTraffic(REQUESTS_PER_SECOND);
      const rollout = await world.startRollout('r-2', 'runbook-short');
      const seen = new Map<string, readonly StatusRow[]>();
      const last = await until(
        'the end',
        world.status,
        (status) => {
          if (status.stage !== null && status.rows.length > 0) seen.set(status.stage, status.rows);
          // Whether a busy machine is quick enough is not asked here: a person accepts.
          if (status.state === 'held') void rollout.signal('approve', { by: 'test', reason: 'measured' });
          return status.outcome !== null;
        },
        15 * 60_000,
      );
      expect([last.outcome, last.reason]).toEqual(['shipped', expect.any(String)]);
      for (const stage of plan.stages) {
        const rows = seen.get(stage.name) ?? [];
        const measured = rows.filter(({ n }) => n !== null).map(({ metric }) => metric);
        const wanted = stage.rows
          .filter((row) => !definitionOf(row.metric).byKind)
          .map(({ metric }) => metric);
        expect([...new Set(measured)], `${stage.name}: ${JSON.stringify(rows)}`).toEqual(
          expect.arrayContaining([...new Set(wanted)]),
        );
      }
    },
    20 * 60_000,
  );
});
