export interface Notification {
  readonly severity: 'info' | 'warning' | 'critical';
  readonly title: string;
  readonly text: string;
  /** Same key: same message, sent once. */
  readonly dedupeKey: string;
}
