import type { Kind } from './setting-kinds.ts';
import {
  baseUrl,
  kubernetesName,
  name,
  number,
  oneOf,
  port,
  text,
  token,
  url,
  whole,
} from './setting-kinds.ts';

/** Variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting and what it is where the environment does not name it. */
interface Setting<T> {
  readonly kind: Kind<NonNullable<T>>;
  readonly preset: T;
}

function or<T>(kind: Kind<T & {}>, preset: NoInfer<T>): Setting<T> {
  return { kind, preset };
}

/** Absent where it is not named: its reader knows what is done then. */
function maybe<T>(kind: Kind<T & {}>): Setting<T | undefined> {
  return { kind, preset: undefined };
}

const webhookFormat = oneOf('json', 'slack', 'pagerduty');
/** A timer of Node takes no more than 2^31 ms, and ends at once where it is given more. */
const deadlineMs = whole(1, 3_600_000);

/**
 * Every environment variable of ours that a process reads; docs/operations.md says what they are for. What depends on a
 * release, as FAISS_NPROBE on its lists, is checked against it where it is used.
 */
const SETTINGS = {
  SERVICE: or(name, 'retriever'),
  TASK_QUEUE: or(text, 'retriever-rollout'),
  GATEWAY_URL: or(baseUrl, 'http://127.0.0.1:8080'),
  CONTROL_URL: or(baseUrl, 'http://127.0.0.1:8081'),
  CONTROL_TOKEN: maybe(token),
  CONTROL_TOKEN_FILE: or(text, '.data/run/control-token'),
  INGEST_TOKEN: maybe(token),
  INGEST_TOKEN_FILE: maybe(text),
  INGEST_LOG: maybe(text),
  DATA_DIR: maybe(text),
  STATE_DIR: or(text, '.data/gateway'),
  RELEASES_DIR: maybe(text),
  ARTIFACTS_DIR: maybe(text),
  PLANS_DIR: or(text, 'plans'),
  PROD_DOCS_DIR: maybe(text),
  MODELS_DIR: maybe(text),
  GATEWAY_HOST: or(text, '127.0.0.1'),
  GATEWAY_PORT: or(port, 8080),
  CONTROL_HOST: or(text, '127.0.0.1'),
  CONTROL_PORT: or(port, 8081),
  TEMPORAL_PORT: or(port, 7233),
  TEMPORAL_UI_PORT: or(port, 8233),
  WORKER_METRICS_HOST: or(text, '127.0.0.1'),
  WORKER_METRICS_PORT: or(port, 9464),
  WORKER_HEALTH_HOST: or(text, '127.0.0.1'),
  WORKER_HEALTH_PORT: or(port, 9465),
  WORKER_HEALTH_URL: maybe(url),
  STABLE_RELEASE: or(name, 'v-1'),
  RETRIEVER_IMPL: maybe(oneOf('amn_v0', 'gru_v0')),
  RERANKER: maybe(oneOf('on', 'off')),
  FAISS_NPROBE: maybe(whole(1, 65_536)),
  CANARY_PERCENT: maybe(number(0, 100)),
  SHADOW_PERCENT: or(number(0, 100), 0),
  LANE_DEADLINE_MS: or(deadlineMs, 1_000),
  TEXT_DEADLINE_MS: or(deadlineMs, 5_000),
  STABLE_PATIENCE_MS: or(deadlineMs, 10_000),
  DRAIN_MS: or(whole(0, 600_000), 1_000),
  /** Five minutes at most: nobody watches a candidate's users for longer without a page. */
  HOLDER_UNSEEN_MS: or(whole(1_000, 300_000), 180_000),
  EXPLAIN_LOG: maybe(text),
  EXPLAIN_LOG_BYTES: or(whole(10_000, 1e12), 16 * 1024 ** 2),
  EXPLAIN_LOG_TEXTS: or(oneOf('on', 'off'), 'off'),
  ROLLBACK_SCRIPT: or(text, 'scripts/rollback_retriever.sh'),
  DEPLOYMENT: maybe(oneOf('embedded', 'kubernetes')),
  KUBERNETES_DEPLOYMENT: or(kubernetesName, 'retriever-service'),
  KUBERNETES_NAMESPACE: maybe(kubernetesName),
  NOTIFY_WEBHOOK_URL: maybe(url),
  NOTIFY_WEBHOOK_FORMAT: or(webhookFormat, 'json'),
  NOTIFY_CRITICAL_URL: maybe(url),
  NOTIFY_CRITICAL_FORMAT: maybe(webhookFormat),
  NOTIFY_WARNING_URL: maybe(url),
  NOTIFY_WARNING_FORMAT: maybe(webhookFormat),
  NOTIFY_INFO_URL: maybe(url),
  NOTIFY_INFO_FORMAT: maybe(webhookFormat),
  NOTIFY_PAGERDUTY_KEY: maybe(token),
  NOTIFY_SENT_FILE: or(text, '.data/worker/notified.json'),
  RETRIEVER_ENCODER: maybe(name),
  RETRIEVER_CACHE: maybe(text),
  XDG_CACHE_HOME: maybe(text),
  TEMPORAL_CLI: maybe(text),
  TEMPORAL_TEST_SERVER: maybe(text),
  TEMPORAL_ADDRESS: maybe(text),
  TEMPORAL_NAMESPACE: maybe(text),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];
export type Settings<N extends SettingName = SettingName> = {
  readonly [name in N]: (typeof SETTINGS)[name] extends Setting<infer T> ? T : never;
};

/** Settings that cannot be used as they are: one line for each, with its name and its rule. */
export class SettingsError extends Error {}

/**
 * Settings out of an environment. Blanks and line ends around a value do not count, and an empty variable is as good as
 * none. Nothing but blanks is a mistake, and never the value that a number would make of it.
 * @throws SettingsError that names every variable which is wrong
 */
export function readSettings<N extends SettingName>(env: Environment, ...names: readonly N[]): Settings<N> {
  const problems: string[] = [];
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const of of names) {
    const { kind, preset } = SETTINGS[of] as Setting<unknown>;
    const given = env[of];
    const read = given === undefined || given === '' ? { value: preset } : readValue(kind, given);
    if ('problem' in read) problems.push(`${of}: ${read.problem}`);
    else values[of] = read.value;
  }
  if (problems.length > 0) throw new SettingsError(problems.join('\n'));
  return values as Settings<N>;
}

/**
 * The token in a file's text, by the same rules.
 * @throws SettingsError that names the file
 */
export function readTokenFile(content: string, file: string): string {
  const read = readValue(token, content);
  if ('value' in read) return read.value;
  throw new SettingsError(`${file}: the token ${read.problem}`);
}

/**
 * The same environment with the variables of Temporal's own clients (address, namespace, key, TLS, profile) as they are
 * meant: nothing around them, and none that is empty. A certificate may have lines.
 * @throws SettingsError that names every variable which is wrong
 */
export function temporalEnvironment(env: Environment): Record<string, string> {
  const problems: string[] = [];
  const cleaned: Record<string, string> = {};
  for (const [of, given] of Object.entries(env)) {
    if (given === undefined || (given === '' && of.startsWith('TEMPORAL_'))) continue;
    if (!of.startsWith('TEMPORAL_')) cleaned[of] = given;
    else if (of.endsWith('_DATA')) cleaned[of] = given.trim();
    else {
      const read = readValue(text, given);
      if ('problem' in read) problems.push(`${of}: ${read.problem}`);
      else cleaned[of] = read.value;
    }
  }
  if (problems.length > 0) throw new SettingsError(problems.join('\n'));
  return cleaned;
}

/** What cannot be seen, and would make another value of it: control characters, line ends, marks without width. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

function readValue<T>(
  { rule, secret, read }: Kind<T>,
  given: string,
): { readonly value: T } | { readonly problem: string } {
  const trimmed = given.trim();
  if (trimmed === '') return { problem: 'holds nothing but blanks: unset it, or give it a value' };
  if (UNSEEN.test(trimmed))
    return { problem: `${rule}; a line end or another character that cannot be seen is in its middle` };
  const value = read(trimmed);
  if (value !== null) return { value };
  return { problem: secret ? rule : `${rule}, not ${JSON.stringify(given)}` };
}
