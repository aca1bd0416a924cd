import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { SCENARIOS } from '../../simulation/scenarios.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import { recordAlerts, recordDrift, recordExperiments, recordRecovery, recordTuning } from './judges.ts';
import { aPlan } from '../support/a-plan.ts';
import { recordRollout } from './recording.ts';
import { asNow } from './renamed.ts';

/**
 * What was decided by the code before the house was rebuilt, for fixed seeds: whoever moves walls changes no decision. A
 * change that is meant removes the file that it changes and runs this with RECORD=1, in a commit of its own that says why.
 */
const RECORD = process.env['RECORD'] === '1';
const SEED = 4_001;
/** `npm run test:long` replays all of them. */
const EACH = process.env['RECORDINGS'] === 'all' ? 1 : 6;

/** The first line that differs from the recording; null where all are equal. */
function difference(name: string, lines: readonly string[]): object | null {
  const file = fileURLToPath(new URL(`${name}.jsonl.gz`, import.meta.url));
  if (RECORD && !existsSync(file)) writeFileSync(file, gzipSync(lines.join('\n'), { level: 9 }));
  const recorded = gunzipSync(readFileSync(file)).toString().split('\n').map(asNow);
  const first = Array.from({ length: Math.max(recorded.length, lines.length) }).findIndex(
    (_, i) => recorded[i] !== lines[i],
  );
  return first === -1 ? null : { line: first + 1, recorded: recorded[first], now: lines[first] };
}

describe('decisions are as they were recorded', () => {
  it.each(SCENARIOS.map(({ name }, i) => ({ name, i })).filter(({ i }) => RECORD || i % EACH === 0))(
    'a rollout of the runbook: $name',
    ({ i }) => {
      const scenario = SCENARIOS[i];
      if (scenario === undefined) throw new Error('there is no such scenario');
      const lines = recordRollout(aPlan({ decisionRule: 'sequentialTest' }), scenario, SEED + i);
      expect(difference(`rollout-${i}`, lines)).toBeNull();
    },
    300_000,
  );

  it.each(['as good as stable', 'errors 5 %', 'P95 x2', 'proxy -10 points'])(
    'a rollout of the demo, and one by measured values: %s',
    (name) => {
      const i = SCENARIOS.findIndex((scenario) => scenario.name === name);
      const scenario = SCENARIOS[i];
      if (scenario === undefined) throw new Error('there is no such scenario');
      const record = (plan: Plan) => recordRollout(plan, scenario, SEED + i);
      expect(difference(`demo-${i}`, record(aPlan({ decisionRule: 'sequentialTest' }, 'demo')))).toBeNull();
      if (i > 0 && !RECORD && EACH > 1) return;
      expect(difference(`literal-${i}`, record(aPlan({ decisionRule: 'threshold' })))).toBeNull();
    },
    300_000,
  );

  it.each([
    ['alerts', recordAlerts],
    ['drift', recordDrift],
    ['tuning', recordTuning],
    ['recovery', recordRecovery],
    ['experiments', recordExperiments],
  ] as const)('%s', (name, record) => {
    expect(difference(name, record())).toBeNull();
  });
});
