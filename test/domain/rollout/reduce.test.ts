import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reduce } from '../../../domain/rollout/reduce.ts';
import { MESSAGES } from '../../../domain/rollout/operator-message.ts';
import type { Step } from '../../../domain/rollout/state.ts';
import { statusMarkdown, statusOf } from '../../../domain/rollout/status/status.ts';
import type { Fate, Raise } from '../../support/rollout-walk.ts';
import { aPlan } from '../../support/a-plan.ts';
import { Walk } from '../../support/rollout-walk.ts';

const plan = aPlan();
const DONE = { kind: 'done', luck: 'good' } as const;

/** Mostly good luck, so that walks get far; with all that can come in between. */
const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 30, arbitrary: fc.constant<Fate>(DONE) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('done' as const),
      luck: fc.constantFrom('bad' as const, 'missing' as const, 'refused' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('message' as const), name: fc.constantFrom(...MESSAGES) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('guard' as const),
      event: fc.constantFrom(
        'baselineAlsoFailing' as const,
        'noTelemetry' as const,
        'noTelemetryTimeout' as const,
        'intervened' as const,
      ),
    }),
  },
);
const fates = fc.array(fate, { maxLength: 120, size: 'max' });

/** Whether the timeline since the last raise ends with a verdict that passes, or with a person who accepted another. */
function licensed({ timeline }: Walk['state']): boolean {
  const raisedAt = timeline.findLastIndex(({ text }) => text.includes('of users on'));
  const since = timeline.slice(raisedAt + 1);
  const last = since.findLast(({ kind, text }) => kind === 'verdict' || /^approve(?!.* changes)/.test(text));
  return last !== undefined && (last.verdict === 'pass' || last.kind === 'message');
}

/** Why a share should not have been raised; null where that was right. */
function wrongWith({ before, from, to }: Raise): string | null {
  if (before.held !== null) return `to ${to} % while held`;
  if (before.pausedSinceMs !== null) return `to ${to} % while paused`;
  const stage = plan.stages.findIndex(({ percent }) => percent === to);
  const texts = before.timeline.map(({ text }) => text);
  if (texts.some((text) => text.includes(`: ${to} % of users on`)))
    return texts.includes('resume') ? null : `to ${to} % again, and nobody resumed`;
  if (stage === 0) return null;
  if (!licensed(before)) return `to ${to} % without a verdict`;
  return from > (plan.stages[stage - 1]?.percent ?? 0) ? `from ${from} to ${to} %` : null;
}

describe('whatever happens, in whatever order', () => {
  it('the share rises only with a passed or accepted verdict, and never while held or paused', () => {
    let raises = 0;
    fc.assert(
      fc.property(fates, (all) => {
        const walk = new Walk(plan);
        for (const one of all) walk.step(one);
        raises += walk.raises.length;
        expect(walk.raises.map(wrongWith).filter((wrong) => wrong !== null)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
    expect(raises).toBeGreaterThan(300);
  });

  it('a rollback that is asked for is the next thing that is done, and ends the run', () => {
    fc.assert(
      fc.property(fates, (all) => {
        const walk = new Walk(plan);
        for (const one of all) walk.step(one);
        if (walk.action.do === 'finish') return;
        walk.step({ kind: 'message', name: 'rollback' });
        expect(walk.action).toEqual({ do: 'rollback' });
        walk.step({ kind: 'done', luck: 'refused' });
        expect(walk.action).toEqual({ do: 'rollback' });
        walk.step(DONE);
        expect(walk.state.outcome).toMatch(/^(rolledBack|aborted)$/);
        expect(walk.percent).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it('an end is an end: nothing that comes later changes it', () => {
    fc.assert(
      fc.property(fates, fates, (before, after) => {
        const walk = new Walk(plan);
        for (const one of before) walk.step(one);
        walk.step({ kind: 'message', name: 'rollback' });
        walk.goOn();
        const { outcome, outcomeReason } = walk.state;
        for (const one of after) walk.step(one);
        expect(walk.state).toMatchObject({ outcome, outcomeReason });
      }),
      { numRuns: 200 },
    );
  });

  it('the rollout can always be shown', () => {
    fc.assert(
      fc.property(fates, (all) => {
        const walk = new Walk(plan);
        for (const one of all) {
          walk.step(one);
          const status = statusOf(plan, walk.state);
          expect(status.state).not.toBe('');
          expect(statusMarkdown(status, String)).not.toMatch(/undefined|NaN|\[object/);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('a walk without anything in between', () => {
  it('ships', () => {
    const walk = new Walk(plan);
    walk.goOn();
    expect(walk.state.outcome).toBe('shipped');
    expect(walk.raises.map(({ to }) => to)).toEqual([5, 25, 50, 100]);
  });

  it('without users stops at the first stage and waits for a person', () => {
    const walk = new Walk(plan);
    walk.perMinute = 0;
    walk.goOn(60);
    expect(walk.raises.map(({ to }) => to)).toEqual([5]);
    expect(statusOf(plan, walk.state)).toMatchObject({ state: 'held', verdict: 'inconclusive', percent: 5 });
  });
});

/** A walk up to the stage that is measured at this percent. */
function measuringAt(percent: number): Walk {
  const walk = new Walk(plan);
  while (!(walk.percent === percent && walk.state.phase === 'measuring') && walk.state.held === null)
    walk.step({ kind: 'done', luck: 'good' });
  return walk;
}

describe("a restart of the candidate's lane within a window", () => {
  it('costs one fresh window, and no hold', () => {
    const walk = measuringAt(5);
    walk.laneStarts(2);
    walk.goOn();
    const verdicts = walk.state.timeline.filter(({ kind }) => kind === 'verdict').map(({ text }) => text);
    expect(verdicts[0]).toMatch(/inconclusive: nearDuplicates: the lane was restarted within the window/);
    expect(walk.state.timeline.some(({ kind }) => kind === 'held')).toBe(false);
    expect(walk.state.outcome).toBe('shipped');
  });
});

describe('what a person hears', () => {
  it('is one page while both lanes go on breaching', () => {
    const walk = measuringAt(25);
    const event = { kind: 'baselineAlsoFailing', trigger: 'slow', reason: 'both' } as const;
    const first = reduce(plan, walk.state, { kind: 'guard', event }, walk.nowMs);
    const second = reduce(plan, first.state, { kind: 'guard', event }, walk.nowMs + 60_000);
    const pages = ({ effects }: Step) => effects.filter(({ kind }) => kind === 'page').length;
    expect([pages(first), pages(second)]).toEqual([1, 0]);
    expect(second.state).toEqual(first.state);
  });

  it.each([
    ['critical where nobody could prove that users are back', false, 'critical'],
    ['a warning where it is proven', true, 'warning'],
  ])('of a rollback is %s', (_, verified, severity) => {
    const walk = measuringAt(25);
    walk.step({ kind: 'message', name: 'rollback' });
    const verification = {
      verified,
      reason: '0 of 32',
      probes: 32,
      matching: 0,
      version: 'v-1',
      metrics: null,
    };
    const event = { kind: 'rolledBack', verification, safeAfterMs: 100 } as const;
    const { effects } = reduce(plan, walk.state, event, walk.nowMs);
    expect(effects).toContainEqual(expect.objectContaining({ kind: 'page', severity }));
  });
});

describe('an evaluation', () => {
  it('from before a hand changed the flags lets nothing pass: the lane is evaluated again first', () => {
    const walk = measuringAt(50);
    expect(walk.state.evaluation).toMatchObject({ kind: 'evaluated' });
    const intervention = {
      kind: 'byHand',
      by: 'bob',
      atMs: 0,
      what: 'flags of candidate',
      percentBefore: 50,
    } as const;
    const event = { kind: 'intervened', intervention, interventions: 1, percent: 50 } as const;
    walk.state = reduce(plan, walk.state, { kind: 'guard', event }, walk.nowMs).state;
    walk.step({ kind: 'message', name: 'resume' });
    while (!['dwell', 'raise', 'evaluateStart', 'evaluateEnd'].includes(walk.state.phase)) walk.step(DONE);
    expect(walk.state.phase).toBe('evaluateEnd');
  });
});

describe('the card in the web UI', () => {
  it('says where it stands, why, what comes next and how to answer', () => {
    const walk = new Walk(plan);
    while (!statusOf(plan, walk.state).state.endsWith(': measuring')) walk.step(DONE);
    const card = statusMarkdown(statusOf(plan, walk.state), (ms) => `${ms / 3_600_000} h`);
    expect(card).toContain('| state | canary-5: measuring |');
    expect(card).toContain('| users on the candidate | 5 % |');
    expect(card).toContain('(T+30m)');
    expect(card).toContain('| rolls back to | v-1 |');
    expect(card).toContain('Signals: `pause`');
  });

  it('keeps its table whole when a reason has bars and line breaks', () => {
    const walk = new Walk(plan);
    walk.goOn(12);
    walk.step({ kind: 'message', name: 'hold' });
    const status = { ...statusOf(plan, walk.state), reason: 'a|b\nc' };
    expect(statusMarkdown(status, String)).toContain('| why | a\\|b c |');
  });
});
