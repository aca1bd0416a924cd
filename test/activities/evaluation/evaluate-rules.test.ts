import { describe, expect, it } from 'vitest';
import { createRulesOnEvaluation } from '../../../activities/evaluation/evaluate-rules.ts';
import type { ControlClient } from '../../../clients/gateway-client.ts';
import { processClock } from '../../../retrieval/process-clock.ts';
import { evaluated } from '../../support/alert-polls.ts';

/** The activity with one bad evaluation of v-1, which stable serves or not. */
function activity({ serves, monitorRuns }: { serves: string; monitorRuns: boolean }) {
  const state = { owner: '', lanes: { stable: { release: serves }, candidate: null } };
  const control = { view: async () => ({ state, lanes: {} }) } as unknown as ControlClient;
  const asked: string[] = [];
  const record = { ...evaluated(0, { rAt5: 0.5, expectedRAt5: 0.7 }), atMs: processClock.now() - 1_000 };
  const { evaluateRules } = createRulesOnEvaluation({
    service: 'ads',
    taskQueue: 'ads-rollout',
    plansDir: 'plans',
    control,
    clock: processClock,
    expectedShare: async () => null,
    evaluations: async () => ({ kind: 'evaluations', records: [record] }),
    isRunning: async (workflowId) => {
      asked.push(workflowId);
      return monitorRuns;
    },
  });
  return { asked, result: evaluateRules({ release: 'v-1' }) };
}

describe('the rules on an evaluation', () => {
  it('are those of the monitor where one watches the release', async () => {
    const { asked, result } = activity({ serves: 'v-1', monitorRuns: true });
    expect(await result).toEqual({ by: 'monitor' });
    expect(asked).toEqual(['monitor/ads']);
  });

  it.each([
    ['no monitor runs', { serves: 'v-1', monitorRuns: false }],
    ['no lane serves the release', { serves: 'v-2', monitorRuns: true }],
  ])('are looked at once where %s, in messages that open no incident', async (_, world) => {
    const result = await activity(world).result;
    if (result.by !== 'evaluation') throw new Error('it was left to the monitor');
    expect(result.findings.find(({ rule }) => rule === 'recall-critical')?.verdict).toBe('fail');
    expect(result.notifications).toMatchObject([{ severity: 'critical' }]);
    expect(result.notifications[0]).not.toHaveProperty('incident');
  });
});
