/** What one look found. `skipped` could not be looked at, because something else is down. */
export interface Finding {
  readonly part: string;
  readonly state: 'ok' | 'note' | 'wrong' | 'skipped';
  readonly says: string;
  /** What to do about it; null where there is nothing. */
  readonly todo: string | null;
}

export function ok(part: string, says: string): Finding {
  return { part, state: 'ok', says, todo: null };
}

/** Worth knowing, and nothing to do at night. */
export function note(part: string, says: string, todo: string | null = null): Finding {
  return { part, state: 'note', says, todo };
}

export function wrong(part: string, says: string, todo: string): Finding {
  return { part, state: 'wrong', says, todo };
}

export function skipped(part: string, says: string): Finding {
  return { part, state: 'skipped', says, todo: null };
}

export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message} (${cause.message})` : error.message;
}
