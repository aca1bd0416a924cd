import { describe, expect, it } from 'vitest';
import { proposalOf, rolloutSignal, startOf } from '../../../domain/alerts/mitigation.ts';
import { alertNotification } from '../../../domain/alerts/alert-message.ts';
import type { MitigationName } from '../../../domain/alerts/rules.ts';
import { MITIGATIONS } from '../../../domain/alerts/rules.ts';
import type { Alert, AlertEvent } from '../../../domain/alerts/state.ts';
import type { Moment } from '../../support/alert-polls.ts';
import { Polls, ROLLOUT, SCENE, evaluated, p95, shippedRules } from '../../support/alert-polls.ts';

/** What a minute-by-minute history makes the monitor say to the rollout. */
function signals(moment: Moment, minutes = 11): string[] {
  const polls = new Polls().pass(minutes, moment);
  return polls.events
    .map((event) => [event.alert.name, rolloutSignal(event, polls.state.firing)] as const)
    .filter(([, signal]) => signal !== null)
    .map(([name, signal]) => `${name}: ${signal?.signal} ${signal?.workflowId} ${signal?.runId}`);
}

describe('what a critical alert says to the rollout', () => {
  const [slow, failing] = [p95(30), { errors: 4 }];
  it.each<[string, Moment, readonly string[]]>([
    ['[T1] the candidate is slow: rollback', { candidate: slow }, ['p95-critical: rollback']],
    ['[T2] the candidate fails: rollback', { candidate: failing }, ['errors-critical: rollback']],
    [
      '[T3] an evaluation of the candidate lost 11 points: rollback',
      { evaluations: [evaluated(0, { release: 'retriever_v0', rAt5: 0.5 })] },
      ['recall-critical: rollback'],
    ],
    ['stable is slow: hold', { stable: slow }, ['p95-critical: hold']],
    [
      'both are slow: hold, going back would not help',
      { stable: slow, candidate: slow },
      ['p95-critical: hold', 'p95-critical: hold'],
    ],
    [
      'both, at 100 %: stable has no users to tell',
      { stable: slow, candidate: slow, percent: 100 },
      ['p95-critical: rollback'],
    ],
    ['nothing can be measured: hold', { gone: true }, ['blind: hold']],
    ['[T6] a warning: nothing', { evaluations: [evaluated(0, { containAt50: 0.7 })] }, []],
    ['no rollout holds the epoch: nothing', { candidate: slow, scene: { ...SCENE, run: null } }, []],
  ])('%s', (_what, moment, expected) => {
    expect(signals(moment)).toEqual(expected.map((line) => `${line} ${ROLLOUT.workflowId} run-1`));
  });

  it('is said once, and not with a reminder or when it is over', () => {
    expect(signals({ candidate: slow }, 9 * 60)).toHaveLength(1);
  });
});

describe('a mitigation', () => {
  const place = {
    service: 'retriever',
    taskQueue: 'q',
    lane: 'stable',
    metric: 'containAt50',
    scene: SCENE,
  } as const;

  it.each(MITIGATIONS)('%s is put in words', (name) => {
    expect(proposalOf(name, place).words.length).toBeGreaterThan(10);
  });

  it('[R1.1] asks for accuracy where quality is lost, and for balance where it is slow', () => {
    expect(startOf('nprobeTuning', place)).toMatchObject({
      workflowId: 'nprobeTuning/retriever',
      input: { lane: 'stable', priority: 'accuracy' },
    });
    expect(startOf('nprobeTuning', { ...place, metric: 'endToEndP95' })).toMatchObject({
      input: { priority: 'balanced' },
    });
  });

  it('[R2.1] switches the reranker off and leaves the other flags', () => {
    const start = startOf('rerankerOff', place);
    expect(start).toEqual({
      kind: 'flags',
      lane: 'stable',
      flags: { impl: 'amn_v0', reranker: 'off', nprobe: 8 },
    });
    const off = { ...SCENE.flags, stable: { impl: 'amn_v0', reranker: 'off', nprobe: 8 } as const };
    expect(startOf('rerankerOff', { ...place, scene: { ...SCENE, flags: off } })).toBeNull();
  });

  it.each<[string, string, readonly MitigationName[]]>([
    ['containment dips', 'containment-dip', ['nprobeTuning', 'largerNlist', 'sameArticleWeight']],
    [
      'reranker regression',
      'reranker-regression',
      ['rerankerOff', 'weeklyMaintenance', 'rerankerExperiment'],
    ],
    ['passages are not normalised', 'norm-mismatch', ['diagnose']],
    ['clusters hold far more', 'list-imbalance', ['weeklyMaintenance']],
  ])('[R1] of the risk register: %s', (risk, name, expected) => {
    const rule = shippedRules().rules.find((one) => one.name === name);
    expect(rule?.risk).toContain(risk);
    expect(rule?.mitigate.map((one) => one.do)).toEqual(expect.arrayContaining([...expected]));
  });
});

describe('the message', () => {
  const rules = shippedRules();
  const about = { service: 'retriever', taskQueue: 'b-rollout', scene: SCENE };
  const notified = (moment: Moment, minutes: number) => {
    const polls = new Polls().pass(minutes, moment);
    return polls.events.map((event) => alertNotification(event, rules, { ...about, nowMs: polls.nowMs }));
  };

  it('of a page names what, release, run, and the command that takes users back', () => {
    const [page] = notified({ candidate: { errors: 4 } }, 11);
    expect(page).toMatchObject({
      severity: 'critical',
      title: 'errors-critical: 2 % of 400 requests to retriever_v0 failed, over 1 % for 10 min',
    });
    expect(page?.text.split('\n')).toEqual([
      'service retriever, release retriever_v0 (candidate)',
      'rollout rollout/retriever, run run-1',
      '- look at the whole stack: `npx retriever diagnose`',
      'users back: `bash scripts/rollback_retriever.sh v-1`',
      'runbook: Alert Configuration, critical, error rate',
    ]);
  });

  it('of a warning names its mitigation with its command', () => {
    const [warning] = notified({ evaluations: [evaluated(9), evaluated(0, { containAt50: 0.85 })] }, 1);
    expect(warning?.title).toContain('10 points under the best of the 8 weeks before');
    expect(warning?.text).toContain('risk: containment dips');
    expect(warning?.text).toContain(
      'start --task-queue b-rollout --type nprobeTuning --workflow-id nprobeTuning/retriever --input',
    );
    expect(warning?.text).not.toContain('users back');
  });

  it('[R1.3] of containment that dips proposes more weight for the same article, and an index for each collection', () => {
    const [warning] = notified({ evaluations: [evaluated(9), evaluated(0, { containAt50: 0.85 })] }, 1);
    const lines = warning?.text.split('\n') ?? [];
    // For a person: no command, and nothing begun.
    expect(lines).toContainEqual(expect.stringMatching(/^- train the reranker .* article to weigh more$/));
    expect(lines).toContainEqual(
      expect.stringMatching(/^- .* an index for each collection of articles[^:]*$/),
    );
    expect(warning?.text).not.toContain('begun by the monitor');
  });

  it('that something is over wakes nobody', () => {
    const alert: Alert = {
      name: 'errors-critical',
      severity: 'critical',
      metric: 'errorRate',
      lane: 'candidate',
      release: 'retriever_v0',
      run: null,
      sinceMs: 0,
      notifiedMs: 0,
      why: null,
      evaluationMs: null,
      notifiedEvaluationMs: null,
      measured: { kind: 'value', value: 0, n: 400 },
    };
    const event: AlertEvent = { kind: 'resolved', key: 'errors-critical/candidate', alert };
    const note = alertNotification(event, rules, { ...about, nowMs: 720_000 });
    expect(note.severity).toBe('warning');
    expect(note.title).toContain('resolved after 12 min');
  });

  it('has a key for each telling: the same again is not sent', () => {
    const keys = notified({ candidate: { errors: 4 } }, 9 * 60).map(({ dedupeKey }) => dedupeKey);
    expect(keys.length).toBeGreaterThan(2);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
