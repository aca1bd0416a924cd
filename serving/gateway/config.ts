import { dirname, join } from 'node:path';
import type { Flags } from '../../domain/control/state.ts';
import type { Settings } from '../../domain/core/settings.ts';
import { SettingsError, readSettings } from '../../domain/core/settings.ts';
import type { WebhookRoute } from '../../domain/notification/webhook-message.ts';
import { webhookRoute } from '../../domain/notification/webhook-message.ts';
import { tokenOfFile } from '../http/bearer-token.ts';

const NAMES = [
  'GATEWAY_HOST',
  'GATEWAY_PORT',
  'CONTROL_HOST',
  'CONTROL_PORT',
  'CONTROL_TOKEN',
  'CONTROL_TOKEN_FILE',
  'RELEASES_DIR',
  'INGEST_TOKEN',
  'INGEST_TOKEN_FILE',
  'INGEST_LOG',
  'MODELS_DIR',
  'STATE_DIR',
  'EXPLAIN_LOG',
  'EXPLAIN_LOG_BYTES',
  'EXPLAIN_LOG_TEXTS',
  'STABLE_RELEASE',
  'RETRIEVER_IMPL',
  'RERANKER',
  'FAISS_NPROBE',
  'CANARY_PERCENT',
  'SHADOW_PERCENT',
  'LANE_DEADLINE_MS',
  'TEXT_DEADLINE_MS',
  'STABLE_PATIENCE_MS',
  'DRAIN_MS',
  'HOLDER_UNSEEN_MS',
  // As the worker has them; of those, what pages.
  'NOTIFY_WEBHOOK_URL',
  'NOTIFY_WEBHOOK_FORMAT',
  'NOTIFY_CRITICAL_URL',
  'NOTIFY_CRITICAL_FORMAT',
  'NOTIFY_PAGERDUTY_KEY',
] as const;

export interface GatewayConfig extends Settings<(typeof NAMES)[number]> {
  readonly RELEASES_DIR: string;
  /** Flags that the environment names, for the first boot; null where it names none. */
  readonly flags: Partial<Flags> | null;
}

/** @throws SettingsError that names each wrong variable */
export function readConfig(env: NodeJS.ProcessEnv): GatewayConfig {
  const read = readSettings(env, ...NAMES);
  const { RETRIEVER_IMPL: impl, RERANKER: reranker, FAISS_NPROBE: nprobe } = read;
  const flags = {
    ...(impl === undefined ? {} : { impl }),
    ...(reranker === undefined ? {} : { reranker }),
    ...(nprobe === undefined ? {} : { nprobe }),
  };
  return {
    ...read,
    RELEASES_DIR: read.RELEASES_DIR ?? 'artifacts/releases',
    flags: Object.keys(flags).length === 0 ? null : flags,
  };
}

/**
 * The control listener's token: from the environment, else from its file, which is made at the first boot. A listener
 * that others can reach needs one that somebody has chosen.
 */
export async function controlToken(config: GatewayConfig): Promise<string> {
  if (config.CONTROL_TOKEN !== undefined) return config.CONTROL_TOKEN;
  if (!['127.0.0.1', '::1', 'localhost'].includes(config.CONTROL_HOST))
    throw new SettingsError(
      `CONTROL_TOKEN: is needed, since CONTROL_HOST ${config.CONTROL_HOST} can be reached from outside`,
    );
  return tokenOfFile(config.CONTROL_TOKEN_FILE);
}

/** Where pages go; null: the log alone. */
export function pageRoute(config: GatewayConfig): WebhookRoute | null {
  return webhookRoute(
    config.NOTIFY_CRITICAL_URL ?? config.NOTIFY_WEBHOOK_URL,
    config.NOTIFY_CRITICAL_FORMAT ?? config.NOTIFY_WEBHOOK_FORMAT,
    config.NOTIFY_PAGERDUTY_KEY,
  );
}

/** Where the log of ingested chunks is. */
export function ingestLogFile({ INGEST_LOG, STATE_DIR }: GatewayConfig): string {
  return INGEST_LOG ?? join(STATE_DIR, 'ingest', 'log.jsonl');
}

/** What lanes get in their environment besides the gateway's own. */
export function laneEnv(config: GatewayConfig): Record<string, string> {
  const { EXPLAIN_LOG: folder = join(config.STATE_DIR, 'explain') } = config;
  return {
    INGEST_LOG: ingestLogFile(config),
    MODELS_DIR: config.MODELS_DIR ?? '',
    EXPLAIN_LOG: folder === 'off' ? '' : folder,
    EXPLAIN_LOG_BYTES: String(config.EXPLAIN_LOG_BYTES),
    EXPLAIN_LOG_TEXTS: config.EXPLAIN_LOG_TEXTS,
  };
}

/** The token of those who may change what is searched: from the environment, else from its file. */
export async function ingestToken(config: GatewayConfig): Promise<string> {
  const beside = join(dirname(config.CONTROL_TOKEN_FILE), 'ingest-token');
  return config.INGEST_TOKEN ?? tokenOfFile(config.INGEST_TOKEN_FILE ?? beside);
}
