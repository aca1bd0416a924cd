import { NAME_RULE, isName } from './name.ts';

/** What the text of a setting is read as. */
export interface Kind<T> {
  /** The rule, as it stands in an error behind the setting's name. */
  readonly rule: string;
  /** Never shown. */
  readonly secret?: true;
  /** @returns null where the text breaks the rule */
  read(text: string): T | null;
}

export const text: Kind<string> = { rule: 'must be one line of text', read: (value) => value };

export const name: Kind<string> = { rule: NAME_RULE, read: (value) => (isName(value) ? value : null) };

/** As Kubernetes has them. */
export const kubernetesName: Kind<string> = matching(
  'must be a name as Kubernetes has them',
  /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
);

/** An address that paths are joined to: the slash at its end is dropped. */
export const baseUrl: Kind<string> = {
  rule: 'must be an http(s) URL such as http://127.0.0.1:8080',
  read: (value) => (/^https?:\/\/[^\s/?#]+(\/[^\s?#]*)?$/i.test(value) ? value.replace(/\/+$/, '') : null),
};

/** An address that is asked as it is. */
export const url: Kind<string> = matching('must be an http(s) URL', /^https?:\/\/[^\s/?#]+([/?#]\S*)?$/i);

/** Fewer can be guessed; others do not fit into an HTTP header. */
export const token: Kind<string> = {
  ...matching('must have at least 16 characters, of ASCII and without blanks between them', /^[!-~]{16,}$/),
  secret: true,
};

export const port: Kind<number> = { ...whole(0, 65_535), rule: 'must be a port from 0 to 65535' };

/** Digits alone: neither a sign nor an exponent nor another base. */
export function whole(least: number, most: number): Kind<number> {
  return {
    rule: `must be a whole number from ${least} to ${most}`,
    read: (value) => within(/^(0|[1-9]\d{0,15})$/.test(value) ? Number(value) : NaN, least, most),
  };
}

/** Decimals as well. */
export function number(least: number, most: number): Kind<number> {
  return {
    rule: `must be a number from ${least} to ${most}`,
    read: (value) => within(/^(0|[1-9]\d{0,15})(\.\d{1,9})?$/.test(value) ? Number(value) : NaN, least, most),
  };
}

export function oneOf<const T extends string>(...choices: readonly T[]): Kind<T> {
  return {
    rule: `must be ${choices.join(' or ')}`,
    read: (value) => choices.find((choice) => choice === value) ?? null,
  };
}

function matching(rule: string, pattern: RegExp): Kind<string> {
  return { rule, read: (value) => (pattern.test(value) ? value : null) };
}

function within(value: number, least: number, most: number): number | null {
  return value >= least && value <= most ? value : null;
}
