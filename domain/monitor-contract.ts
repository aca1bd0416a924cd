import type { MitigationStart } from './alert-response.ts';
import type { AlertRules } from './alert-rules.ts';
import type { AlertEvent, AlertState } from './alert-state.ts';
import type { IncidentDraft } from './incident-draft.ts';

/** What `monitor` asks of the world, beside `notify`; see contract.ts for the rules. */
export interface MonitorActivities {
  /** Reads and checks plans/alerts/<rules>.yaml. Non-retryable failure that names every problem, or another worker's service. */
  loadAlertRules(input: { readonly service: string; readonly rules: string }): Promise<AlertRules>;
  /** One stretch of the watch, at most `stretchMs`: polls, and returns at the first event. */
  watchAlerts(input: WatchAlertsInput): Promise<WatchAlertsResult>;
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
  readonly state: AlertState | null;
  readonly stretchMs: number;
}

interface WatchAlertsResult {
  readonly state: AlertState;
  /** Empty: the stretch ended quietly, continue with `state`. */
  readonly events: readonly AlertEvent[];
}
