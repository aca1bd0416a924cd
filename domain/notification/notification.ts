type Severity = 'info' | 'warning' | 'critical';

/** A message to a person. */
export interface Notification {
  readonly severity: Severity;
  readonly title: string;
  readonly text: string;
  /** Same key: same message, sent once. */
  readonly dedupeKey: string;
  /** The incident that this message belongs to; absent where no message reports its end. */
  readonly incident?: Incident;
}

interface Incident {
  /** The same for all messages about one trouble. */
  readonly key: string;
  readonly over: boolean;
  /** Of the message that opened it: its recipients get the resolution as well. */
  readonly severity: Severity;
}
