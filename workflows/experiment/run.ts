import {
  CancellationScope,
  condition,
  defineQuery,
  isCancellation,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import { armsOf, newTally, addReading } from '../../domain/experiment/arm-totals.ts';
import type { Designed } from '../../domain/experiment/design.ts';
import { designFor, untilNextLookMs } from '../../domain/experiment/design.ts';
import type { Arms, ExperimentDesign, Recommendation } from '../../domain/experiment/analysis.ts';
import { interimAnalysis, noArms, splitOf } from '../../domain/experiment/analysis.ts';
import type { ExperimentInput } from '../../domain/experiment/input.ts';
import type { ExperimentOutcome, ExperimentReport } from '../../domain/experiment/report.ts';
import { effectsOf } from '../../domain/experiment/report.ts';
import type { EndExperiment, StartExperiment } from '../../domain/control/change.ts';
import { STANDS_STILL } from '../../domain/metrics/source-clock.ts';
import { activities, permanentReason } from '../runtime/activities.ts';
import { experimentActivities } from './activities.ts';
import { hearOnce } from '../runtime/hear-once.ts';
import { identity } from '../runtime/identity.ts';
import type { ArmsReading } from '../../domain/experiment/arm-totals.ts';

/** What an experiment ends with. */
export interface ExperimentResult {
  readonly outcome: ExperimentOutcome;
  readonly recommendation: Recommendation;
  readonly reason: string;
  /** The report's files; none where it never began. */
  readonly files: readonly string[];
}

/** Answer of the query `status` of an experiment. */
export interface ExperimentStatus {
  /** What is under way, or the outcome. */
  readonly state: string;
  readonly reason: string;
  readonly arms: Arms;
  readonly recommendation: Recommendation | null;
}

type End = Omit<ExperimentResult, 'files'>;

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
  /** Why a person wants it to end. */
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
      this.stop ??= `${name} was asked for`;
    });
  }

  async run(): Promise<ExperimentResult> {
    const ended = await this.attempt().catch((error: unknown) => {
      if (isCancellation(error)) return this.end('cancelled', 'undecided', 'the workflow was cancelled');
      return this.end(this.epoch === null ? 'refused' : 'superseded', 'undecided', permanentReason(error));
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
    if (unfit !== null) return this.end('refused', 'undecided', unfit);
    this.show({ state: 'looking at the traffic' });
    const from = await this.calls.readArms();
    if (from.kind === 'arms' && from.service !== this.input.service)
      return this.end(
        'refused',
        'undecided',
        `this worker changes the gateway of ${from.service}, not of ${this.input.service}`,
      );
    await condition(() => this.stop !== null, this.input.lookMinutes * MINUTE_MS, {
      summary: 'how much traffic and feedback there is',
    });
    if (this.stop !== null) return this.end('stopped', 'undecided', this.stop);
    const planned = designFor(this.input, from, await this.calls.readArms());
    if (planned.kind === 'refused') return this.end('refused', 'undecided', planned.reason);
    this.design = planned.design;
    this.show({ reason: planned.says });
    const refusal = await this.begin();
    return refusal === null ? this.watch(planned) : this.end('refused', 'undecided', refusal);
  }

  /** Why stable cannot be experimented with; null if it can. */
  private async unfit(): Promise<string | null> {
    const { state, lanes } = await this.calls.control();
    if (lanes.stable?.state !== 'ready') return 'stable is not ready';
    this.release = lanes.stable.release;
    if (state.percent > 0) return `${state.percent} % of the users are on a candidate: a rollout comes first`;
    if (lanes.stable.flags.reranker === 'off')
      return `${this.release} is served without reranker: there is nothing to leave out`;
    return null;
  }

  /** Null when the arms are set up. Not interrupted: arms that were set up have to be known, to be cleared. */
  private async begin(): Promise<string | null> {
    return CancellationScope.nonCancellable(async () => {
      const taken = await this.calls.takeFreeEpoch({ owner: this.key, key: `${this.key}/start` });
      if (taken.kind === 'held')
        return `${taken.workflowId} runs and holds the fence (epoch ${taken.epoch}); ask again once it has ended`;
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

  private async watch({ design, lookEveryMs }: Extract<Designed, { kind: 'design' }>): Promise<End> {
    const endMs = this.startedMs + this.input.maxHours * HOUR_MS;
    this.show({ state: 'experimenting' });
    for (;;) {
      const nextMs = untilNextLookMs(lookEveryMs, Date.now() - this.startedMs);
      const leftMs = Math.max(1, Math.min(nextMs, endMs - Date.now()));
      await condition(() => this.stop !== null, leftMs, { summary: 'until the next look at the arms' });
      const lost = this.take(await this.calls.readArms());
      if (lost !== null) return this.end('superseded', 'undecided', lost);
      if (this.stop !== null) return this.end('stopped', 'undecided', this.stop);
      const step = interimAnalysis(design, armsOf(this.tally));
      if (step.kind === 'end') return this.end('completed', step.recommendation, step.reason);
      if (Date.now() >= endMs) return this.end('completed', 'undecided', this.late(design));
    }
  }

  private late({ units }: ExperimentDesign): string {
    return `${this.input.maxHours} h are over before the ${units} planned units came, and nothing is proven`;
  }

  /** Takes a reading up; why the arms are not ours any more, or null. A reading that is missing changes nothing. */
  private take(reading: ArmsReading): string | null {
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
      return `somebody took the lanes (epoch ${reading.epoch}, experiment ${reading.experiment ?? 'none'}): the arms ended`;
    const arms = armsOf(this.tally);
    const step = this.design === null ? null : interimAnalysis(this.design, arms);
    this.show({ arms, reason: step?.kind === 'end' ? step.reason : this.status.reason });
    return null;
  }

  /** Why the gateway refuses; null where it is done. */
  private async change(
    epoch: number,
    step: string,
    command: StartExperiment | EndExperiment,
  ): Promise<string | null> {
    try {
      const change = { epoch, step: `${this.key}/${step}/${Date.now()}`, by: this.key, commands: [command] };
      const result = await this.calls.changeTraffic(change);
      return result.kind === 'done' ? null : result.refusal.reason;
    } catch (error) {
      return permanentReason(error);
    }
  }

  /** All users as before, then the report. Who took the fence has cleared the arms already. */
  private async close(ended: End): Promise<ExperimentResult> {
    const { calls, epoch, design } = this;
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
        text: ended.reason,
        dedupeKey: `${this.key}/end/${Date.now()}`,
      })
      .catch(() => {});
    this.show({ state: ended.outcome, reason: ended.reason, recommendation: ended.recommendation });
    return { ...ended, files };
  }

  private report(ended: End, design: ExperimentDesign): ExperimentReport {
    const arms = armsOf(this.tally);
    return {
      ...ended,
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

  private end(outcome: ExperimentOutcome, recommendation: Recommendation, reason: string): End {
    return { outcome, recommendation, reason };
  }

  private show(known: Partial<ExperimentStatus>): void {
    this.status = { ...this.status, ...known };
    const { state, reason, arms } = this.status;
    setCurrentDetails(
      `### Reranker experiment: ${state}\n\n${reason}\n\nWith reranker ${arms.on.requests} requests, without ${arms.off.requests}.\n\nSignals: \`stop\`, \`rollback\`; neither needs an input.`,
    );
  }
}
