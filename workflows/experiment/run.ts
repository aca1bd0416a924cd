import {
  CancellationScope,
  condition,
  defineQuery,
  isCancellation,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import { armsOf, newTally, addReading } from '../../domain/experiment/arm-totals.ts';
import { designFor, untilNextLookMs } from '../../domain/experiment/design.ts';
import type { ExperimentDesign } from '../../domain/experiment/effect.ts';
import { interimAnalysis, noArms, splitOf } from '../../domain/experiment/analysis.ts';
import type { ExperimentInput } from '../../domain/experiment/input.ts';
import type { ExperimentOutcome, ExperimentReport } from '../../domain/experiment/report.ts';
import { describeReason, describeSampleSize } from '../../domain/experiment/describe-reason.ts';
import type { ExperimentReason } from '../../domain/experiment/reason.ts';
import { effectsOf } from '../../domain/experiment/report.ts';
import type { EndExperiment, StartExperiment } from '../../domain/control/change.ts';
import { STANDS_STILL } from '../../domain/metrics/source-clock.ts';
import { activities, permanentReason } from '../runtime/activities.ts';
import { experimentActivities } from './activities.ts';
import { hearOnce } from '../runtime/hear-once.ts';
import { identity } from '../runtime/identity.ts';
import type { ExperimentResult, ExperimentStatus } from './status.ts';
import { detailsMarkdown } from './status.ts';
import type { ArmsReading } from '../../domain/experiment/arm-totals.ts';

type End = Omit<ExperimentResult, 'files' | 'reason'>;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** The gateway ends the arms by itself so long after their time: a worker that is away cannot. */
const SLACK_MS = HOUR_MS;

/** One experiment: looks at the traffic, plans, sets up the arms, looks at them until they say something, clears them. */
export class ExperimentRun {
  private readonly input: ExperimentInput;
  private readonly calls = {
    ...activities((what, reason) => this.isPatient(what, reason)),
    ...experimentActivities((what, reason) => this.isPatient(what, reason)),
  };
  private readonly key: string;
  /** Salt and label: another run of the same name begins with other users and empty counters. */
  private readonly name: string;
  /** The signal by which an operator ended it. */
  private stop: string | null = null;
  private status: ExperimentStatus = {
    state: 'starting',
    reason: '',
    arms: noArms(),
    recommendation: null,
  };
  private release = '';
  private design: ExperimentDesign | null = null;
  /** Set while the arms are; with it they are cleared. */
  private epoch: number | null = null;
  private startedMs = 0;
  private tally = newTally();

  constructor(input: ExperimentInput) {
    const { workflowId, runId } = identity();
    this.input = input;
    this.key = `${workflowId}/${runId}`;
    this.name = `${input.name}-${runId.slice(0, 8)}`;
    setHandler(defineQuery<ExperimentStatus>('status'), () => this.status, {
      description: 'Where the experiment stands, with its arms',
    });
    hearOnce(['stop', 'rollback'], 'all users are served as before; takes anything', (name) => {
      this.stop ??= name;
    });
  }

  async run(): Promise<ExperimentResult> {
    const ended = await this.attempt().catch((error: unknown) => {
      if (isCancellation(error)) return undecided('cancelled', { code: 'cancelled' });
      const outcome = this.epoch === null ? 'refused' : 'superseded';
      return undecided(outcome, { code: 'callFailed', detail: permanentReason(error) });
    });
    return CancellationScope.nonCancellable(() => this.close(ended));
  }

  /** Arms that are set have to be cleared, so that is tried on; before, a call that goes on failing is its end. */
  private isPatient(what: string, reason: string): boolean {
    if (this.epoch === null) return false;
    const title = `reranker experiment with ${this.release} is late`;
    const text = `${what} does not get through: ${reason}. The gateway ends the arms by itself when their time is over`;
    const dedupeKey = `${this.key}/late/${Date.now()}`;
    void activities()
      .notify({ severity: 'warning', title, text, dedupeKey })
      .catch(() => {});
    return true;
  }

  private async attempt(): Promise<End> {
    const unfit = await this.unfit();
    if (unfit !== null) return undecided('refused', unfit);
    this.show({ state: 'measuring the traffic' });
    const from = await this.calls.readArms();
    const asked = this.input.service;
    if (from.kind === 'arms' && from.service !== asked)
      return undecided('refused', { code: 'otherService', service: from.service, asked });
    await condition(() => this.stop !== null, this.input.lookMinutes * MINUTE_MS, {
      summary: 'how much traffic and feedback there is',
    });
    if (this.stop !== null) return undecided('stopped', { code: 'stopped', signal: this.stop });
    const planned = designFor(this.input, from, await this.calls.readArms());
    if (planned.kind === 'refused') return undecided('refused', planned.reason);
    this.design = planned.sample.design;
    this.show({ reason: describeSampleSize(planned.sample) });
    const refusal = await this.begin();
    return refusal === null
      ? this.watch(planned.sample.design, planned.lookEveryMs)
      : undecided('refused', refusal);
  }

  /** Why stable cannot be experimented with; null if it can. */
  private async unfit(): Promise<ExperimentReason | null> {
    const { state, lanes } = await this.calls.control();
    if (lanes.stable?.state !== 'ready') return { code: 'stableNotReady' };
    this.release = lanes.stable.release;
    if (state.percent > 0) return { code: 'candidateHasUsers', percent: state.percent };
    return lanes.stable.flags.reranker === 'off' ? { code: 'rerankerOff', release: this.release } : null;
  }

  /** Null when the arms are set up. Not interrupted: arms that were set up have to be known, to be cleared. */
  private async begin(): Promise<ExperimentReason | null> {
    return CancellationScope.nonCancellable(async () => {
      const taken = await this.calls.takeFreeEpoch({ owner: this.key, key: `${this.key}/start` });
      if (taken.kind === 'held')
        return { code: 'fenceHeld', workflowId: taken.workflowId, epoch: taken.epoch };
      const { offPercent, maxHours } = this.input;
      const forMs = maxHours * HOUR_MS + SLACK_MS;
      const start = { kind: 'startExperiment', name: this.name, offPercent, forMs } as const;
      const refusal = await this.change(taken.epoch, 'begin', start);
      if (refusal !== null) return refusal;
      this.epoch = taken.epoch;
      this.startedMs = Date.now();
      return null;
    });
  }

  private async watch(design: ExperimentDesign, lookEveryMs: number): Promise<End> {
    const endMs = this.startedMs + this.input.maxHours * HOUR_MS;
    this.show({ state: 'experimenting' });
    for (;;) {
      const nextMs = untilNextLookMs(lookEveryMs, Date.now() - this.startedMs);
      const leftMs = Math.max(1, Math.min(nextMs, endMs - Date.now()));
      await condition(() => this.stop !== null, leftMs, { summary: 'until the next look at the arms' });
      const lost = this.take(await this.calls.readArms());
      if (lost !== null) return undecided('superseded', lost);
      if (this.stop !== null) return undecided('stopped', { code: 'stopped', signal: this.stop });
      const step = interimAnalysis(design, armsOf(this.tally));
      if (step.kind === 'end')
        return { outcome: 'completed', recommendation: step.recommendation, why: step.reason };
      if (Date.now() >= endMs)
        return undecided('completed', {
          code: 'hoursOver',
          maxHours: this.input.maxHours,
          units: design.units,
        });
    }
  }

  /** Takes a reading up; why the arms are not ours any more, or null. A reading that is missing changes nothing. */
  private take(reading: ArmsReading): ExperimentReason | null {
    if (reading.kind === 'missing') {
      this.show({ reason: reading.reason });
      return null;
    }
    const tally = addReading(this.tally, reading);
    const stoodStill = tally.last === this.tally.last;
    this.tally = tally;
    if (stoodStill) {
      this.show({ reason: STANDS_STILL });
      return null;
    }
    if (reading.epoch !== this.epoch || reading.experiment !== this.name)
      return { code: 'lanesTaken', epoch: reading.epoch, experiment: reading.experiment };
    const arms = armsOf(this.tally);
    const step = this.design === null ? null : interimAnalysis(this.design, arms);
    this.show({ arms, reason: step?.kind === 'end' ? describeReason(step.reason) : this.status.reason });
    return null;
  }

  /** Why the gateway refuses; null where it is done. */
  private async change(
    epoch: number,
    step: string,
    command: StartExperiment | EndExperiment,
  ): Promise<ExperimentReason | null> {
    try {
      const change = { epoch, step: `${this.key}/${step}/${Date.now()}`, by: this.key, commands: [command] };
      const result = await this.calls.changeTraffic(change);
      return result.kind === 'done' ? null : { code: 'gatewayRefused', detail: result.refusal.reason };
    } catch (error) {
      return { code: 'callFailed', detail: permanentReason(error) };
    }
  }

  /** All users as before, then the report. Who took the fence has cleared the arms already. */
  private async close(ended: End): Promise<ExperimentResult> {
    const { calls, epoch, design } = this;
    const reason = describeReason(ended.why);
    if (epoch !== null) await this.change(epoch, 'clear', { kind: 'endExperiment' });
    const { files } =
      design === null || epoch === null
        ? { files: [] }
        : await calls
            .writeExperimentReport(this.report(ended, design))
            .catch((error: unknown) => ({ files: [], reason: permanentReason(error) }));
    await calls
      .notify({
        severity: ended.outcome === 'completed' ? 'info' : 'warning',
        title: `reranker experiment with ${this.release || this.input.service}: ${ended.outcome}, ${ended.recommendation}`,
        text: reason,
        dedupeKey: `${this.key}/end/${Date.now()}`,
      })
      .catch(() => {});
    this.show({ state: ended.outcome, reason, recommendation: ended.recommendation });
    return { ...ended, reason, files };
  }

  private report(ended: End, design: ExperimentDesign): ExperimentReport {
    const arms = armsOf(this.tally);
    return {
      ...ended,
      reason: describeReason(ended.why),
      name: this.name,
      run: this.key,
      release: this.release,
      input: this.input,
      design,
      startedMs: this.startedMs,
      endedMs: Date.now(),
      arms,
      effects: effectsOf(design, arms),
      splitP: splitOf(arms, design.offPercent),
      restarts: this.tally.restarts,
    };
  }

  private show(known: Partial<ExperimentStatus>): void {
    this.status = { ...this.status, ...known };
    setCurrentDetails(detailsMarkdown(this.status));
  }
}

function undecided(outcome: ExperimentOutcome, why: ExperimentReason): End {
  return { outcome, recommendation: 'undecided', why };
}
