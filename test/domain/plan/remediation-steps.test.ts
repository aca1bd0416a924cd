import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Flags } from '../../../domain/control/state.ts';
import { nextRemediation } from '../../../domain/plan/remediation-steps.ts';
import type { RemediationStep } from '../../../domain/plan/plan.ts';
import { reduce } from '../../../domain/rollout/reduce.ts';
import { statusOf } from '../../../domain/rollout/status/status.ts';
import { harmName } from '../../../domain/guard/harm-detector.ts';
import { aPlan } from '../../support/a-plan.ts';
import { Walk } from '../../support/rollout-walk.ts';

const plan = aPlan();
const BUILT: Flags = { impl: 'amn_v0', reranker: 'on', nprobe: 8 };

describe('the next step of a ladder', () => {
  it.each<
    [string, RemediationStep[], RemediationStep[], Partial<Flags>, RemediationStep | null, Partial<Flags>]
  >([
    ['[A8] nprobe goes from 8 to 4', ['nprobeDown', 'rerankerOff'], [], {}, 'nprobeDown', { nprobe: 4 }],
    ['nprobe goes from 8 to 12', ['rerankerOn', 'nprobeUp'], [], {}, 'nprobeUp', { nprobe: 12 }],
    ['[C7] the reranker is turned on first', ['rerankerOn'], [], { reranker: 'off' }, 'rerankerOn', {}],
    [
      'a step that was taken is passed over',
      ['nprobeDown', 'rerankerOff'],
      ['nprobeDown'],
      { nprobe: 8 },
      'rerankerOff',
      { reranker: 'off' },
    ],
    [
      'nprobe 4 is the least',
      ['nprobeDown', 'rerankerOff'],
      [],
      { nprobe: 4 },
      'rerankerOff',
      { nprobe: 4, reranker: 'off' },
    ],
    [
      'an odd nprobe goes to the next of the runbook',
      ['nprobeDown'],
      [],
      { nprobe: 10 },
      'nprobeDown',
      { nprobe: 8 },
    ],
    ['the other model comes last', ['fallbackModel'], [], {}, 'fallbackModel', { impl: 'gru_v0' }],
    [
      'what was done is not undone',
      ['rerankerOn', 'nprobeUp'],
      ['rerankerOff'],
      { reranker: 'off', nprobe: 4 },
      'nprobeUp',
      { reranker: 'off', nprobe: 8 },
    ],
    ['hold ends it, whatever comes after', ['hold', 'nprobeDown'], [], {}, null, {}],
    [
      'nothing is left',
      ['nprobeDown', 'rerankerOff'],
      ['rerankerOff'],
      { nprobe: 4, reranker: 'off' },
      null,
      {},
    ],
  ])('%s', (_, ladder, taken, flags, step, after) => {
    const rung = nextRemediation(ladder, taken, { ...BUILT, ...flags });
    expect(rung.kind === 'rung' ? rung.step : null).toBe(step);
    expect(rung.kind === 'rung' ? rung.flags : null).toEqual(step === null ? null : { ...BUILT, ...after });
  });

  it('says of each step why it is not taken', () => {
    const rung = nextRemediation(['nprobeDown', 'rerankerOff', 'rerankerOn'], ['rerankerOff'], {
      ...BUILT,
      nprobe: 4,
    });
    expect(rung).toMatchObject({ kind: 'none' });
    expect(rung.kind === 'none' && rung.reason).toBe(
      'nprobeDown changes nothing with nprobe 4, reranker on, amn_v0, rerankerOff was taken, rerankerOn would undo rerankerOff',
    );
  });
});

/** A walk to its end, or to where a person is asked. */
function walked(change: Partial<Pick<Walk, 'latencyMs' | 'lost'>>): Walk {
  const walk = Object.assign(new Walk(plan), change);
  walk.goOn(400);
  return walk;
}

/** How often a fresh window was opened because no step was left. */
function lookedAfresh({ state }: Walk): number {
  return state.timeline.filter(({ text }) => text.includes('measured once more')).length;
}

describe('a rollout whose gate warns', () => {
  it('takes the step, measures again and ships with it', () => {
    const walk = walked({ latencyMs: ({ nprobe }) => (nprobe > 4 ? 9 : 2) });
    expect(walk.state).toMatchObject({
      outcome: 'shipped',
      outcomeReason: expect.stringContaining('with nprobe 4'),
    });
    expect(walk.steps.map(({ to }) => to)).toEqual([{ ...BUILT, nprobe: 4 }]);
    const said = walk.state.timeline.map(({ text }) => text);
    expect(said.find((text) => text.startsWith('ladder:'))).toMatch(
      /ladder: nprobeDown \(nprobe 8 to nprobe 4\), because warn: retrievalP95: P95 .* limit 8.00 ms/,
    );
    expect(statusOf(plan, walk.state).ladder).toMatchObject([{ stage: 'canary-5', step: 'nprobeDown' }]);
  });

  it('goes on to the next step, then holds and names what was tried', () => {
    const walk = walked({ latencyMs: () => 12 });
    expect(walk.steps.map(({ to }) => to)).toEqual([
      { ...BUILT, nprobe: 4 },
      { ...BUILT, nprobe: 4, reranker: 'off' },
    ]);
    expect(walk.percent).toBe(5);
    expect(walk.state.held).toMatchObject({
      why: 'verdict',
      reason: expect.stringMatching(/no step of the ladder is left .*nprobeDown was taken/),
    });
  });

  it('is measured once more when no step is left, and ships where that was a busy moment', () => {
    const walk = new Walk(plan);
    let busy = true;
    walk.latencyMs = () => {
      busy &&= !walk.state.lookedAgain;
      return busy ? 12 : 2;
    };
    walk.goOn(400);
    expect(walk.steps).toHaveLength(2);
    expect(walk.state.outcome).toBe('shipped');
    expect(lookedAfresh(walk)).toBe(1);
  });

  it.each([
    ['once, and holds where it is as slow', plan, 1],
    ['not by the decision rule threshold', aPlan({ decisionRule: 'threshold' }), 0],
  ])('is measured once more %s', (_, of, times) => {
    const walk = Object.assign(new Walk(of), { latencyMs: () => 12 });
    walk.goOn(400);
    expect(walk.state.held?.reason).toContain('no step of the ladder is left');
    expect(lookedAfresh(walk)).toBe(times);
  });

  it('measures a step on a window that opens when the caches are warm again', () => {
    const walk = walked({ latencyMs: ({ nprobe }) => (nprobe > 4 ? 9 : 2) });
    const { timeline } = walk.state;
    const taken = timeline.findIndex(({ text }) => text.includes('runs with nprobe 4'));
    const judged = timeline.slice(taken).find(({ kind }) => kind === 'verdict');
    const minutes = ((judged?.atMs ?? 0) - (timeline[taken]?.atMs ?? 0)) / 60_000;
    expect(judged?.verdict).toBe('pass');
    // 15 minutes of warm-up, and the 15 of the canary's window.
    expect(minutes).toBeGreaterThanOrEqual(30);
  });

  it.each([
    ['at 25 % takes the ladder of the rows of its metric', 'ramp-25: measuring', 'endToEndP95', 'readFlags'],
    ['holds where no row of its metric has a ladder', 'ramp-25: measuring', 'qualityShortfall', 'held'],
    ['holds while a raise is under way', 'canary-5: raising', 'endToEndP95', 'held'],
  ])('harm that the guard has proven %s', (_, at, metric, next) => {
    const walk = new Walk(plan);
    while (statusOf(plan, walk.state).state !== at && walk.action.do !== 'finish') {
      if (walk.state.phase === 'raise' && at.endsWith('raising')) break;
      walk.step({ kind: 'done', luck: 'good' });
    }
    const rule = plan.guard.harms.find((harm) => harm.metric === metric);
    if (rule === undefined) throw new Error(`no rule for ${metric}`);
    const event = { kind: 'harm', trigger: harmName(rule), reason: 'worse than stable' } as const;
    const { state } = reduce(plan, walk.state, { kind: 'guard', event }, walk.nowMs);
    expect(state.held === null ? state.phase : 'held').toBe(next);
  });

  it('takes no more steps in a stage than its plan allows', () => {
    const walk = Object.assign(new Walk({ ...plan, maxRemediations: 1 }), { latencyMs: () => 12 });
    walk.goOn(400);
    expect(walk.steps).toHaveLength(1);
    expect(walk.state.held?.reason).toContain('nprobeDown did not mend it');
  });

  it('evaluates again after a step that an evaluation asked for', () => {
    const walk = walked({ lost: ({ nprobe }) => (nprobe < 12 ? 0.04 : 0) });
    expect(walk.steps.map(({ to }) => to)).toEqual([{ ...BUILT, nprobe: 12 }]);
    expect(walk.state).toMatchObject({
      outcome: 'shipped',
      outcomeReason: expect.stringContaining('nprobe 12'),
    });
  });

  it.each([
    ['holds at 50 % without a step after a drop of 8 points', 0.08, 'held', 50],
    ['ships where R@5 is 5 points better, with a note', -0.05, 'shipped', 100],
    ['ships where R@5 is a point worse', 0.005, 'shipped', 100],
  ])('%s', (_, lost, ends, percent) => {
    const walk = walked({ lost: () => lost });
    expect(walk.steps).toEqual([]);
    expect(walk.percent).toBe(percent);
    expect(walk.state.outcome ?? 'held').toBe(ends);
    const noted = walk.state.timeline.some(({ text }) => text.includes('points better: find out why'));
    expect(noted).toBe(lost < -0.02);
  });

  const creeping = (tune: Walk['tune']) => {
    // Slower than stable by far, and within every limit of its own.
    const latencyMs = ({ nprobe }: Flags, percent: number) => (percent >= 25 && nprobe > 4 ? 5 : 2);
    const walk = Object.assign(new Walk(plan), { latencyMs, tune });
    for (let i = 0; i < 400 && walk.action.do !== 'finish' && walk.state.held === null; i++) {
      const tunes = walk.action.do === 'tune';
      walk.step({ kind: 'done', luck: 'good' });
      // The tuning has changed the lane itself.
      if (tunes) walk.flags = walk.state.moves.at(-1)?.to ?? walk.flags;
    }
    return walk;
  };

  it('sweeps nprobe on creep at T+3h, and ships with what was found', () => {
    const walk = creeping(() => ({ outcome: 'applied', nprobe: 4, reason: 'nprobe=4 is the smallest' }));
    expect(walk.state).toMatchObject({
      outcome: 'shipped',
      outcomeReason: expect.stringContaining('with nprobe 4'),
    });
    expect(walk.state.moves).toMatchObject([{ stage: 'ramp-25', step: 'sweep', to: { nprobe: 4 } }]);
    expect(walk.steps).toEqual([]);
  });

  it.each(['unchanged', 'reverted', 'hold', 'superseded'] as const)(
    'holds at 25 %% after a sweep that is %s, and says what it said',
    (outcome) => {
      const walk = creeping(() => ({ outcome, nprobe: null, reason: 'so says the sweep' }));
      expect(walk.percent).toBe(25);
      expect(walk.state.held?.reason).toContain('sweep was taken');
      expect(walk.state.timeline.map(({ text }) => text)).toContain(`sweep: ${outcome}: so says the sweep`);
    },
  );

  it('leaves flags that a hand has set while it chose a step, and asks', () => {
    const walk = Object.assign(new Walk(plan), { latencyMs: () => 12 });
    while (walk.action.do !== 'applyRemediation') walk.step({ kind: 'done', luck: 'good' });
    walk.step({ kind: 'done', luck: 'refused' });
    expect(walk.state.held).toMatchObject({ why: 'intervention' });
    expect(walk.steps).toEqual([]);
  });

  it('never takes a step while it is held or paused, twice, or more often than the plan allows', () => {
    const luck = fc.constantFrom(
      'good' as const,
      'good' as const,
      'good' as const,
      'missing' as const,
      'refused' as const,
    );
    const said = fc.constantFrom('hold' as const, 'resume' as const, 'pause' as const, 'resume' as const);
    const fate = fc.oneof(
      { weight: 20, arbitrary: fc.record({ kind: fc.constant('done' as const), luck }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('message' as const), name: said }) },
    );
    let steps = 0;
    fc.assert(
      fc.property(
        fc.array(fate, { maxLength: 200, size: 'max' }),
        fc.infiniteStream(fc.integer({ min: 2, max: 14 })),
        (fates, draws) => {
          const drawn = new Map<string, number>();
          const latencyMs = (flags: Flags) => {
            const key = JSON.stringify(flags);
            if (!drawn.has(key)) drawn.set(key, draws.next().value ?? 2);
            return drawn.get(key) ?? 2;
          };
          const walk = Object.assign(new Walk(plan), { latencyMs });
          for (const one of fates) walk.step(one);
          steps += walk.steps.length;
          for (const { before } of walk.steps) {
            expect(before.held ?? before.pausedSinceMs).toBeNull();
            expect(before.judgement?.verdict).toMatch(/^(warn|fail)$/);
          }
          for (const { name } of plan.stages) {
            const here = walk.state.moves.filter(({ stage }) => stage === name).map(({ step }) => step);
            expect(new Set(here).size).toBe(here.length);
            expect(here.length).toBeLessThanOrEqual(plan.maxRemediations);
          }
        },
      ),
      { numRuns: 200 },
    );
    expect(steps).toBeGreaterThan(20);
  });
});
