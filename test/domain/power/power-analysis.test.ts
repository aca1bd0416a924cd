import { describe, expect, it } from 'vitest';
import { planDetectability } from '../../../domain/power/power-analysis.ts';
import { aPlan } from '../../support/a-plan.ts';

const runbook = aPlan();

describe('what a plan can detect', () => {
  it.each([
    ['runbook-48h', 20],
    ['demo', 150],
  ])('%s can pass at %i requests/s', (name, rate) => {
    expect(planDetectability(aPlan({}, name), rate).refusals).toEqual([]);
  });

  it('[P6] at one request in 20 seconds is refused, by stage and row', () => {
    const { refusals } = planDetectability(runbook, 0.05);
    expect(refusals[0]).toBe(
      'canary-5: errorRate against stable: 38 samples at the most, and 300 are the least',
    );
  });

  it('without margins 5 % of 2 requests/s cannot prove 0.2 points', () => {
    const bare = { ...runbook, stages: runbook.stages.map((stage) => ({ ...stage, margins: NONE })) };
    const { rows, refusals } = planDetectability(bare, 2);
    expect(refusals).toContain(
      `canary-5: errorRate against stable: cannot pass, not even with ${rows[0]?.requestsAtMost} samples`,
    );
  });

  it('counts what rows look at: one answer in a hundred, one query in ten in the shadow', () => {
    const { rows, refusals } = planDetectability(runbook, 1);
    const samples = (metric: string) => rows.find((row) => row.metric === metric)?.requestsAtMost;
    expect([samples('errorRate'), samples('nearDuplicates'), samples('shadowQualityDrop')]).toEqual([
      765, 8, 1530,
    ]);
    expect(planDetectability(runbook, 0.5).refusals).toContain(
      'canary-5: nearDuplicates: 4 samples at the most, and 5 are the least',
    );
    expect(refusals).toEqual([]);
  });

  it('grows finer with the traffic', () => {
    const points = (rate: number) =>
      Number(/\+([\d.]+) points/.exec(planDetectability(runbook, rate).rows[0]?.detects ?? '')?.[1]);
    expect(points(1)).toBeGreaterThan(points(20));
    expect(points(20)).toBeGreaterThan(points(500));
    expect(points(500)).toBeGreaterThan(0.2);
  });

  it('warns where an emergency at 5 % takes longer to prove than the runbook allows', () => {
    expect(planDetectability(runbook, 1).warnings).toContain(
      'canary-5: a gross failure would be noticed only within 40 min',
    );
    expect(planDetectability(runbook, 20).emergencies[0]).toEqual({ stage: 'canary-5', minutes: 4 });
  });

  it('of no traffic at all is nothing', () => {
    const { rows, refusals, warnings } = planDetectability(runbook, 0);
    expect(rows.every(({ detects, passAfterMs }) => detects === null && passAfterMs === null)).toBe(true);
    expect(refusals.length).toBeGreaterThan(20);
    expect(warnings).toContain('canary-5: the candidate has no requests');
  });
});

const NONE = { errorRate: 0, slow: 0, qualityShortfall: 0 };
