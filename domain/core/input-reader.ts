import { NAME_RULE, isName } from './name.ts';

/** What a workflow was given: its input, or every problem with it by field. */
export type InputResult<T> = { readonly input: T } | { readonly problems: readonly string[] };

/** What a field has to be, and whether a value is that. */
export interface FieldRule<T> {
  /** Completes "must be". */
  readonly expected: string;
  readonly fits: (value: unknown) => value is T;
}

/** A field's value; the fallback where it is absent. Without a fallback it has to be there. */
type ReadField = <T, F = T>(name: string, rule: FieldRule<T>, ...fallback: readonly F[]) => T | F;

/**
 * Reads the fields of a workflow's input. `read` gets each of them by name; what it makes of them counts only where
 * nothing is wrong. Nothing and null are an object without fields, where each field has a default.
 */
export function readFields<T>(
  raw: unknown,
  { fields, example }: { readonly fields: readonly string[]; readonly example: string },
  read: (field: ReadField) => T,
): InputResult<T> {
  const given = raw ?? {};
  const noObject = { problems: [`the input must be an object like ${example}`] };
  if (typeof given !== 'object' || Array.isArray(given)) return noObject;
  const values = given as Readonly<Record<string, unknown>>;
  const problems = Object.keys(values)
    .filter((name) => !fields.includes(name))
    .map(
      (name) => `${name}: unknown field; there ${fields.length === 1 ? 'is' : 'are'} ${fields.join(', ')}`,
    );
  const input = read((name, { expected, fits }, ...fallback) => {
    const value = values[name];
    if (value !== undefined && fits(value)) return value;
    if (value !== undefined) problems.push(`${name}: must be ${expected}, not ${JSON.stringify(value)}`);
    else if (fallback.length === 0) problems.push(`${name}: is missing`);
    // Without a fallback there is a problem by now, and nobody sees what is read.
    return fallback[0] as never;
  });
  if (problems.length === 0) return { input };
  return raw === undefined || raw === null ? noObject : { problems };
}

export const aName: FieldRule<string> = { expected: NAME_RULE.replace(/^must be /, ''), fits: isName };

export const aText: FieldRule<string> = {
  expected: 'a text',
  fits: (value) => typeof value === 'string',
};

export const aBoolean: FieldRule<boolean> = {
  expected: 'true or false',
  fits: (value) => typeof value === 'boolean',
};

export function oneOf<const T extends string>(...choices: readonly T[]): FieldRule<T> {
  return {
    expected: `one of ${choices.join(', ')}`,
    fits: (value): value is T => choices.some((choice) => choice === value),
  };
}

/** A number above the first, and up to the second. */
export function numberIn(above: number, most: number): FieldRule<number> {
  return {
    expected: `a number over ${above} and up to ${most}`,
    fits: (value): value is number => typeof value === 'number' && value > above && value <= most,
  };
}

export function orNull<T>({ expected, fits }: FieldRule<T>): FieldRule<T | null> {
  return { expected, fits: (value): value is T | null => value === null || fits(value) };
}
