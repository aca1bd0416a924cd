type Severity = 'info' | 'warning' | 'critical';

/** A message to a person. */
export interface Notification {
  readonly severity: Severity;
  readonly title: string;
  readonly text: string;
  /** Same key: same message, sent once. */
  readonly dedupeKey: string;
  /** The trouble that this is one message of; absent where it has no end of which a message tells. */
  readonly incident?: Incident;
}

interface Incident {
  /** The same for all messages about one trouble. */
  readonly key: string;
  readonly over: boolean;
  /** Of the message that told of its beginning: whoever heard that one hears of the end. */
  readonly severity: Severity;
}
