/** Reads fields out of plain data and remembers everything that is wrong with them, by path. */
export class Reader {
  readonly problems: string[];
  readonly path: string;
  private readonly raw: Readonly<Record<string, unknown>>;
  private readonly seen = new Set<string>();

  constructor(raw: unknown, path: string, problems: string[]) {
    this.path = path;
    this.problems = problems;
    const isObject = typeof raw === 'object' && raw !== null && !Array.isArray(raw);
    if (!isObject) problems.push(`${path || 'the plan'}: must be a mapping of fields`);
    this.raw = isObject ? (raw as Record<string, unknown>) : {};
  }

  /** Notes what is wrong with a field. */
  wrong(field: string, what: string): void {
    this.problems.push(`${this.path === '' ? '' : `${this.path}.`}${field}: ${what}`);
  }

  has(field: string): boolean {
    return this.raw[field] !== undefined;
  }

  /** A field turned into a value by `read`, which answers null for what it can not read. */
  value<T>(field: string, expected: string, read: (value: unknown) => T | null, fallback?: T): T {
    this.seen.add(field);
    const raw = this.raw[field];
    if (raw === undefined && fallback !== undefined) return fallback;
    const value = raw === undefined ? null : read(raw);
    if (value !== null) return value;
    this.wrong(
      field,
      raw === undefined ? `is missing; ${expected}` : `${expected}, not ${JSON.stringify(raw)}`,
    );
    // Reading goes on to find the other problems; with one of them no plan comes of it.
    return fallback ?? (undefined as T);
  }

  /** A field that may be left out. */
  optional<T>(field: string, read: (field: string) => T): T | null {
    this.seen.add(field);
    return this.has(field) ? read(field) : null;
  }

  text(field: string): string {
    return this.value(field, 'must be a text', (value) =>
      typeof value === 'string' && value.trim() !== '' ? value : null,
    );
  }

  oneOf<T extends string>(field: string, choices: readonly T[], fallback?: T): T {
    return this.value(
      field,
      `must be one of ${choices.join(', ')}`,
      (value) => choices.find((choice) => choice === value) ?? null,
      fallback,
    );
  }

  whole(field: string, least: number, fallback?: number): number {
    return this.value(
      field,
      `must be a whole number of at least ${least}`,
      (value) => (typeof value === 'number' && Number.isInteger(value) && value >= least ? value : null),
      fallback,
    );
  }

  durationMs(field: string, leastMs = 0): number {
    return this.value(field, 'must be a duration such as 90s, 30m, 2h or 1h30m', (value) => {
      const ms = readDurationMs(value);
      return ms === null || ms < leastMs ? null : ms;
    });
  }

  boolean(field: string, fallback: boolean): boolean {
    return this.value(
      field,
      'must be true or false',
      (value) => (typeof value === 'boolean' ? value : null),
      fallback,
    );
  }

  /** A list, read one by one. */
  list<T>(field: string, read: (item: unknown, path: string) => T, fallback?: readonly T[]): readonly T[] {
    const items = this.value<readonly unknown[]>(
      field,
      'must be a list',
      (value) => (Array.isArray(value) ? value : null),
      fallback,
    );
    return Array.isArray(items)
      ? items.map((item, i) => read(item, `${this.path === '' ? '' : `${this.path}.`}${field}[${i}]`))
      : [];
  }

  nested(field: string): Reader {
    this.seen.add(field);
    return new Reader(this.raw[field], `${this.path === '' ? '' : `${this.path}.`}${field}`, this.problems);
  }

  /** To be called last: fields that nobody asked for are typing errors. */
  noMore(): void {
    for (const field of Object.keys(this.raw))
      if (!this.seen.has(field)) this.wrong(field, `unknown field; there are ${[...this.seen].join(', ')}`);
  }
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function readDurationMs(value: unknown): number | null {
  if (value === 0) return 0;
  if (typeof value !== 'string' || !/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(value)) return null;
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ''] ?? 0), 0);
}
