import { readJson, writeJson } from '../../../platform/json-file.ts';
import { z } from 'zod';
import type { HolderAlert, HolderLimits } from '../../../domain/guard/holder-watch.ts';
import { holderStep, holderNotified } from '../../../domain/guard/holder-watch.ts';
import type { WebhookRoute } from '../../../domain/notification/webhook-message.ts';
import { postWebhook } from '../../../clients/webhook.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Notification } from '../../../domain/notification/notification.ts';

export interface HolderWatchDeps {
  readonly control: Pick<ControlPlane, 'state'>;
  /** The clock of the control state. */
  readonly now: () => number;
  readonly limits: HolderLimits;
  /** Null: the log alone. */
  readonly route: WebhookRoute | null;
  /** Where the alert is kept over a restart. */
  readonly file: string;
  readonly log: (level: 'info' | 'warn' | 'error', text: string, fields: object) => void;
}

const LOOK_MS = 1_000;
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 60_000;

const alertSchema = z.strictObject({
  kind: z.enum(['unseen', 'over']),
  owner: z.string(),
  epoch: z.number(),
  release: z.string(),
  seenMs: z.number(),
  notifications: z.number(),
  notifiedMs: z.number().nullable(),
}) satisfies z.ZodType<HolderAlert>;

/**
 * Says that nobody watches a candidate which has users, without the worker: at 100 % there is no lease, and a rollout that was
 * ended from outside says nothing. A line in the log and a POST that is tried until it is taken.
 */
export class HolderWatch {
  private readonly deps: HolderWatchDeps;
  private alert: HolderAlert | null = null;
  private logged = '';
  private posting = false;
  private retryMs = FIRST_RETRY_MS;
  private nextPostMs = -Infinity;
  private saving: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  constructor(deps: HolderWatchDeps) {
    this.deps = deps;
  }

  /** Whether a candidate with users is watched by nobody. */
  get missing(): boolean {
    return this.alert?.kind === 'unseen';
  }

  /** Goes on with the alert that a gateway before this one left, and begins to look. */
  async start(): Promise<void> {
    this.alert = await this.load();
    this.look();
    this.timer = setInterval(() => this.look(), LOOK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.saving;
  }

  private look(): void {
    const { control, limits, now } = this.deps;
    const { alert, due } = holderStep(this.alert, control.state, limits, now());
    this.keep(alert);
    if (due === null || this.alert === null) return;
    if (this.logged !== due.dedupeKey) {
      const fields = { dedupeKey: due.dedupeKey };
      this.deps.log(due.severity === 'critical' ? 'error' : 'info', `${due.title}: ${due.text}`, fields);
      this.logged = due.dedupeKey;
      this.nextPostMs = -Infinity;
      this.retryMs = FIRST_RETRY_MS;
    }
    if (!this.posting && now() >= this.nextPostMs) void this.tell(this.alert, due);
  }

  private async tell(alert: HolderAlert, due: Notification): Promise<void> {
    const { route, now, log } = this.deps;
    this.posting = true;
    try {
      if (route !== null) await postWebhook(route, due);
      // An alert that changed meanwhile has a message of its own.
      if (this.alert === alert) this.keep(holderNotified(alert, now()));
    } catch (error) {
      this.nextPostMs = now() + this.retryMs;
      log('warn', `the webhook did not take a message; it is tried again in ${this.retryMs / 1000} s`, {
        err: error,
      });
      this.retryMs = Math.min(LONGEST_RETRY_MS, this.retryMs * 2);
    } finally {
      this.posting = false;
    }
  }

  private keep(alert: HolderAlert | null): void {
    if (JSON.stringify(alert) === JSON.stringify(this.alert)) return;
    this.alert = alert;
    this.saving = this.saving.then(async () => this.save(alert));
  }

  private async save(alert: HolderAlert | null): Promise<void> {
    const { file, log } = this.deps;
    try {
      await writeJson(file, alert);
    } catch (error) {
      log('warn', `${file} cannot be written: a restart may send a message again`, { err: error });
    }
  }

  private async load(): Promise<HolderAlert | null> {
    const { file, log } = this.deps;
    try {
      return alertSchema.nullable().parse(await readJson(file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        log('warn', `${file} cannot be read: a message may be sent again`, { err: error });
      return null;
    }
  }
}
