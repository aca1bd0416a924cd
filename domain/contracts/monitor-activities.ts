import type { MitigationStart } from '../alerts/mitigation.ts';
import type { AlertRules } from '../alerts/rules.ts';
import type { AlertProgress } from '../alerts/reports.ts';
import type { IncidentDraft } from '../incident/incident-markdown.ts';
import type { Packed } from '../core/packed.ts';

/** What `monitor` asks of the world, beside `notify`; see contract.ts for the rules. */
export interface MonitorActivities {
  /** Reads and checks plans/alerts/<rules>.yaml. Non-retryable failure that names every problem, or another worker's service. */
  loadAlertRules(input: { readonly service: string; readonly rules: string }): Promise<AlertRules>;
  /**
   * Watches for `stretchMs`: polls, and sends each event to the monitor as a signal. Returns what it carries; that is in its
   * heartbeats too, from which the attempt after a worker's death goes on.
   */
  watchAlerts(input: WatchAlertsInput): Promise<Packed<AlertProgress>>;
  /** Sets a lane's flags as a change by hand: a rollout under way holds, and says who did it. */
  setFlags(
    input: Omit<MitigationStart & { kind: 'flags' }, 'kind'> & {
      readonly by: string;
      readonly reason: string;
    },
  ): Promise<void>;
  /** Writes the draft of a post-mortem; one for each incident, and never over a file that is there. */
  writeIncident(draft: IncidentDraft): Promise<{ readonly file: string }>;
}

export interface WatchAlertsInput {
  readonly service: string;
  readonly rules: AlertRules;
  /** Null at the monitor's start. */
  readonly carried: Packed<AlertProgress> | null;
  readonly stretchMs: number;
}
