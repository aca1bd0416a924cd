import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SettingName } from '../../../domain/core/settings.ts';
import {
  SETTING_NAMES,
  SettingsError,
  readSettings,
  readTokenFile,
  temporalEnvironment,
} from '../../../domain/core/settings.ts';
import { ROOT } from '../../../platform/node-command.ts';

/** A value that each setting takes, as an operator would type it. */
const TAKEN: Partial<Record<SettingName, string>> = {
  CONTROL_TOKEN: '0123456789abcdef',
  INGEST_TOKEN: '0123456789abcdef',
  CANARY_PERCENT: '0',
  EXPLAIN_LOG_BYTES: '10000',
  HOLDER_UNSEEN_MS: '5000',
  DEPLOYMENT: 'embedded',
  RETRIEVER_IMPL: 'gru_v0',
  NOTIFY_PAGERDUTY_KEY: '0123456789abcdef',
};
function taken(name: SettingName): string {
  const own = TAKEN[name];
  if (own !== undefined) return own;
  if (name.endsWith('_URL')) return 'http://127.0.0.1:8080';
  if (name.endsWith('_FORMAT')) return 'slack';
  if (/_PORT$|_MS$|NPROBE|PERCENT/.test(name)) return '8';
  if (/RERANKER|EXPLAIN_LOG_TEXTS/.test(name)) return 'on';
  return 'some-text';
}
const read = (name: SettingName, value: string | undefined) => readSettings({ [name]: value }, name)[name];
const NUMBERS = SETTING_NAMES.filter((name) => typeof read(name, taken(name)) === 'number');
const URLS = SETTING_NAMES.filter((name) => name.endsWith('_URL'));

describe.each(SETTING_NAMES)('the setting %s', (name) => {
  it.each(['\n', '\r\n', ' ', '\t', '\u00A0', '\uFEFF'])(
    'reads through a stray %j around its value',
    (stray) => {
      const plain = read(name, taken(name));
      expect(read(name, taken(name) + stray)).toBe(plain);
      expect(read(name, stray + taken(name))).toBe(plain);
      expect(plain).not.toBeUndefined();
    },
  );

  it.each([' ', '\n', '\r\n', ' \t '])('refuses %j, which is no value, by its name', (blank) => {
    expect(() => read(name, blank)).toThrow(`${name}: holds nothing but blanks`);
  });

  it('is absent where it is empty', () => {
    expect(read(name, '')).toBe(read(name, undefined));
  });

  it.each(['\n', '\u200B', '\u2028'])('refuses %j in its middle', (unseen) => {
    expect(() => read(name, `a${unseen}b`)).toThrow(new RegExp(`^${name}: .*cannot be seen`));
  });
});

it.each(NUMBERS)('%s takes digits alone', (name) => {
  for (const wrong of [
    '0x8',
    '1e2',
    '5 %',
    '+8',
    '-1',
    '8.',
    '.5',
    '08',
    'Infinity',
    'NaN',
    '8,5',
    "'8'",
    '٨',
    '9999999999999',
  ])
    expect(() => read(name, wrong), wrong).toThrow(
      new RegExp(`^${name}: must be .*, not ${JSON.stringify(wrong).replaceAll(/[+.]/g, '\\$&')}`),
    );
});

it.each(URLS)('%s takes an http(s) address alone', (name) => {
  for (const wrong of [
    'gateway:8080',
    'ftp://gateway',
    'http://',
    'http://a b',
    '127.0.0.1:8080',
    '//gateway',
  ])
    expect(() => read(name, wrong), wrong).toThrow(`${name}: must be an http(s) URL`);
});

it.each(['GATEWAY_URL', 'CONTROL_URL'] as const)(
  '%s drops slashes at its end, and takes a path before them',
  (name) => {
    expect(read(name, 'http://127.0.0.1:1/')).toBe('http://127.0.0.1:1');
    expect(read(name, 'HTTPS://example.org/a/b//')).toBe('HTTPS://example.org/a/b');
    expect(() => read(name, 'http://127.0.0.1:1?x=1')).toThrow(`${name}: must be an http(s) URL`);
  },
);

it('names all that is wrong at once, and never a secret', () => {
  const wrong = { CONTROL_TOKEN: 'too short', GATEWAY_PORT: '80a', CANARY_PERCENT: '101' };
  const all = () => readSettings(wrong, 'CONTROL_TOKEN', 'GATEWAY_PORT', 'CANARY_PERCENT');
  expect(all).toThrow(SettingsError);
  expect(all).toThrow(
    'CONTROL_TOKEN: must have at least 16 characters, of ASCII and without blanks between them\n' +
      'GATEWAY_PORT: must be a port from 0 to 65535, not "80a"\n' +
      'CANARY_PERCENT: must be a number from 0 to 100, not "101"',
  );
});

it('takes a token out of a file by the same rules', () => {
  expect(readTokenFile('\uFEFF0123456789abcdef\r\n', '/run/token')).toBe('0123456789abcdef');
  for (const wrong of ['', '\n', 'short\n', '0123456789 abcdef', '0123456789abcdef\n0123456789abcdef\n'])
    expect(() => readTokenFile(wrong, '/run/token'), wrong).toThrow(/^\/run\/token: the token /);
});

it("reads Temporal's own variables through blanks, and leaves a certificate its lines", () => {
  const pem = '-----BEGIN-----\nabc\n-----END-----\n';
  expect(
    temporalEnvironment({
      HOME: ' /h ',
      TEMPORAL_ADDRESS: 'temporal:7233\r\n',
      TEMPORAL_NAMESPACE: '',
      TEMPORAL_API_KEY: 'key\n',
      TEMPORAL_TLS_CLIENT_CERT_DATA: pem,
    }),
  ).toEqual({
    HOME: ' /h ',
    TEMPORAL_ADDRESS: 'temporal:7233',
    TEMPORAL_API_KEY: 'key',
    TEMPORAL_TLS_CLIENT_CERT_DATA: pem.trim(),
  });
  expect(() => temporalEnvironment({ TEMPORAL_ADDRESS: ' ' })).toThrow('TEMPORAL_ADDRESS: holds nothing but');
});

describe('docs/operations.md', () => {
  const section = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8').split('## Settings\n')[1] ?? '';
  const rows = section
    .slice(0, section.indexOf('\n## '))
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const documented = rows.flatMap((row) => {
    const names = [...(row.split('|')[1] ?? '').matchAll(/`(_?[A-Z_]+)`/g)].map(([, name]) => name ?? '');
    // `_FORMAT` stands for that of each name before it.
    return names.includes('_FORMAT')
      ? names.flatMap((name) => (name.endsWith('_URL') ? [name, name.replace(/_URL$/, '_FORMAT')] : []))
      : names;
  });

  it('has a row for each setting that is read, and for no other', () => {
    expect(documented.toSorted()).toEqual([...SETTING_NAMES].toSorted());
  });
});

it('is the one reader: no source reads a variable by its name past it', () => {
  const folders = ['activities', 'domain', 'retrieval', 'scripts', 'serving', 'worker'];
  const past = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) =>
        readFileSync(join(ROOT, folder, file), 'utf8')
          .split('\n')
          .filter(
            (line) => /\benv(\[['"]|\.[A-Z])|\} = (process\.)?env\b/.test(line) && !/\] = |proxy/i.test(line),
          )
          .map((line) => `${folder}/${file}: ${line.trim()}`),
      ),
  );
  expect(past).toEqual([]);
});
