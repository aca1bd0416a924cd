import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { GateCheck } from '../../../domain/plan/plan.ts';
import { parsePlan } from '../../../plan-files/parse-plan.ts';
import { latencyPlan } from '../../../scripts/demo/latency-plan.ts';
import { ROOT } from '../../../platform/node-command.ts';

const demo = () => parse(readFileSync(join(ROOT, 'plans/demo.yaml'), 'utf8'));

describe('the plan of bad-latency', () => {
  it("is the demo's with the midpoint as the limit of every stage, and nprobe down as what a warning tries", () => {
    const made = parsePlan(parse(stringify(latencyPlan(demo(), { fastMs: 2, slowMs: 3.5 }))));
    if (!made.ok) throw new Error(made.problems.join('; '));
    const { plan } = made;
    expect(plan.name).toBe('demo-bad-latency');
    expect(plan.describes).toContain('P95 limit 2.75 ms, between 2.00 at nprobe 4 and 3.50 at 8');
    const rows = (metric: GateCheck['metric']) =>
      plan.stages.map((stage) =>
        stage.rows.find((row) => row.metric === metric && row.compareTo === 'limit'),
      );
    for (const row of rows('retrievalP95'))
      expect(row).toMatchObject({ warnAbove: 2.75, remediation: ['nprobeDown'] });
    for (const row of rows('endToEndP95'))
      expect(row).toMatchObject({ warnAbove: 4.75, remediation: ['nprobeDown'] });
    // Stable is far quicker: what is relative to it must not decide before the limit does.
    expect(plan.p95ExcessMs).toBeGreaterThanOrEqual(4.75);
    const before = parsePlan(demo());
    if (!before.ok) throw new Error(before.problems.join('; '));
    expect(plan.stages.map(({ name, percent, atMs }) => ({ name, percent, atMs }))).toEqual(
      before.plan.stages.map(({ name, percent, atMs }) => ({ name, percent, atMs })),
    );
  });

  it('is not made where nprobe makes no difference that a gate could tell', () => {
    expect(() => latencyPlan(demo(), { fastMs: 2, slowMs: 2.4 })).toThrow(
      'nprobe makes too little difference here: P95 2.00 ms at 4, 2.40 ms at 8',
    );
  });
});
