import { z } from 'zod';
import type { Renaming } from './old-names.ts';

/** How an error of a field reads: the rule, and the value that breaks it. */
interface Message {
  readonly error: (issue: { readonly input?: unknown }) => string;
}

/** `expected` completes "must be". */
export function mustBe(expected: string): Message {
  return {
    error: ({ input }) =>
      input === undefined
        ? `is missing; must be ${expected}`
        : `must be ${expected}, not ${JSON.stringify(input)}`,
  };
}

/** A mapping of these fields and no others. */
export function fields<T extends z.ZodRawShape>(shape: T): z.ZodObject<T, z.core.$strict> {
  return z.strictObject(shape, {
    error: ({ code }) =>
      code === 'unrecognized_keys'
        ? `unknown field; there are ${Object.keys(shape).join(', ')}`
        : 'must be a mapping of fields',
  });
}

export function list<T extends z.ZodType>(item: T): z.ZodArray<T> {
  return z.array(item, mustBe('a list'));
}

export function oneOf<const T extends readonly string[]>(choices: T): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(choices, mustBe(`one of ${choices.join(', ')}`));
}

export function whole(least: number) {
  const rule = mustBe(`a whole number of at least ${least}`);
  return z.int(rule).min(least, rule);
}

export function numberBetween(above: number, below: number, expected: string) {
  const rule = mustBe(expected);
  return z.number(rule).gt(above, rule).lt(below, rule);
}

export const text = z.string(mustBe('a text')).regex(/\S/, mustBe('a text'));
export const boolean = z.boolean(mustBe('true or false'));

/** A text that names no other places than these in braces. */
export function template(places: readonly string[]) {
  const rule = mustBe(`a text with no other places than {${places.join('}, {')}}`);
  return z
    .string(rule)
    .regex(new RegExp(`^(?=[^]*\\S)([^{]|\\{(${places.join('|')})\\}|\\{(?![^]*\\}))*$`), rule);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time such as 1h30m, as milliseconds. */
export function duration(leastMs = 0) {
  const written = z
    .string()
    .regex(/^(\d+(\.\d+)?(ms|s|m|h|d))+$/)
    .transform(millisecondsOf);
  return z
    .union([z.literal(0), written], mustBe('a duration such as 90s, 30m, 2h or 1h30m'))
    .refine((ms) => ms >= leastMs, {
      error: ({ input }) => `must be a duration of at least ${leastMs} ms, not ${String(input)} ms`,
    });
}

function millisecondsOf(written: string): number {
  const parts = [...written.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0), 0);
}

/** A text with a number in it, as `of` reads that. */
function amount(pattern: RegExp, expected: string, of: (amount: number) => number = (one) => one) {
  return z
    .string(mustBe(expected))
    .regex(pattern, mustBe(expected))
    .transform((written) => of(Number(pattern.exec(written)?.[1])));
}

const HUNDREDTHS = '(100(?:\\.0+)?|\\d{1,2}(?:\\.\\d+)?)';
/** A part of a whole, 0..1. */
export const share = amount(
  new RegExp(`^${HUNDREDTHS} ?(?:%|points?)$`),
  'a share such as 0.2 % or 5 points',
  (hundredths) => hundredths / 100,
);
export const percent = amount(
  /^(\d+(?:\.\d+)?) ?%$/,
  'a share such as 1 %',
  (hundredths) => hundredths / 100,
);
export const points = amount(
  /^(\d+(?:\.\d+)?) points?$/,
  'points such as 5 points',
  (hundredths) => hundredths / 100,
);
export const latency = amount(/^(\d+(?:\.\d+)?)ms$/, 'a latency such as 8ms');
export const ratio = amount(/^x(\d+(?:\.\d+)?)$/, 'a ratio such as x1.15');
/** 1 - p. */
export const pValue = amount(/^p<(0?\.\d+)$/, 'a p-value such as p<0.001', (p) => 1 - p);
/** YAML reads a distance as a number. */
export const distance = numberBetween(0, 1, 'a distance such as 1e-5');

/** Entries of a list that differ by the value of `field`. */
export function unionBy<T extends readonly [z.core.$ZodTypeDiscriminable, ...z.core.$ZodTypeDiscriminable[]]>(
  field: string,
  choices: readonly string[],
  options: T,
): z.ZodDiscriminatedUnion<T> {
  return z.discriminatedUnion(field, options, {
    error: ({ code, input }) =>
      code === 'invalid_union'
        ? mustBe(`one of ${choices.join(', ')}`).error({
            input: (input as Readonly<Record<string, unknown>>)[field],
          })
        : 'must be a mapping of fields',
  });
}

/** What a file holds, read by its schema, or everything that is wrong with it. `file` names what has no path. */
export function readAs<T>(
  schema: z.ZodType<T>,
  { value, problems }: Renaming,
  file: string,
): { readonly ok: true; readonly data: T } | { readonly ok: false; readonly problems: readonly string[] } {
  if (problems.length > 0) return { ok: false, problems };
  const { success, data, error } = schema.safeParse(value);
  return success ? { ok: true, data } : { ok: false, problems: problemsOf(error, file) };
}

/** Everything that is wrong with a file, each problem by its field. */
function problemsOf({ issues }: z.ZodError, file: string): string[] {
  return issues.flatMap(({ path, message, ...issue }) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => `${pathOf([...path, key])}: ${message}`)
      : [`${pathOf(path) || file}: ${message}`],
  );
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((before, part) => {
    if (typeof part === 'number') return `${before}[${part}]`;
    return before === '' ? String(part) : `${before}.${String(part)}`;
  }, '');
}
