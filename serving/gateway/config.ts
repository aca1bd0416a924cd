import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { Flags } from '../../domain/control.ts';
import { tokenOfFile } from '../token.ts';

const port = z.coerce.number().int().min(0).max(65_535);

const environment = z.object({
  GATEWAY_HOST: z.string().default('127.0.0.1'),
  GATEWAY_PORT: port.default(8080),
  CONTROL_HOST: z.string().default('127.0.0.1'),
  CONTROL_PORT: port.default(8081),
  CONTROL_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  CONTROL_TOKEN_FILE: z.string().default('.data/run/control-token'),
  RELEASES_DIR: z.string().default('artifacts/releases'),
  /** For POST and DELETE /ingest. */
  INGEST_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  /** Beside the control token where absent. */
  INGEST_TOKEN_FILE: z.string().optional(),
  /** `ingest/log.jsonl` in STATE_DIR where absent. */
  INGEST_LOG: z.string().optional(),
  STATE_DIR: z.string().default('.data/gateway'),
  /** Folder where lanes explain one query in a hundred; `explain` in STATE_DIR where absent, nowhere where `off`. */
  EXPLAIN_LOG: z.string().optional(),
  /** Of one release's explanations; the oldest go first. */
  EXPLAIN_LOG_BYTES: z.coerce.number().int().min(10_000).optional(),
  /** Whether a query's own texts are kept with its explanation. */
  EXPLAIN_LOG_TEXTS: z.enum(['on', 'off']).default('off'),
  STABLE_RELEASE: z.string().default('v-1'),
  RETRIEVER_IMPL: z.enum(['amn_v0', 'gru_v0']).optional(),
  RERANKER: z.enum(['on', 'off']).optional(),
  FAISS_NPROBE: z.coerce.number().int().positive().optional(),
  CANARY_PERCENT: z.coerce.number().min(0).max(100).optional(),
  /** At the first boot; by control afterwards. */
  SHADOW_PERCENT: z.coerce.number().min(0).max(100).default(0),
  LANE_DEADLINE_MS: z.coerce.number().positive().default(1_000),
  TEXT_DEADLINE_MS: z.coerce.number().positive().default(5_000),
  STABLE_PATIENCE_MS: z.coerce.number().positive().default(10_000),
});

export interface GatewayConfig extends z.infer<typeof environment> {
  /** Flags that the environment names, for the first boot; null where it names none. */
  readonly flags: Partial<Flags> | null;
}

/** Reads the environment. Throws an error that names each wrong variable. */
export function readConfig(env: NodeJS.ProcessEnv): GatewayConfig {
  const parsed = environment.safeParse(
    Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')),
  );
  if (!parsed.success)
    throw new Error(
      parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    );
  const { RETRIEVER_IMPL: impl, RERANKER: reranker, FAISS_NPROBE: nprobe } = parsed.data;
  const flags = {
    ...(impl === undefined ? {} : { impl }),
    ...(reranker === undefined ? {} : { reranker }),
    ...(nprobe === undefined ? {} : { nprobe }),
  };
  return { ...parsed.data, flags: Object.keys(flags).length === 0 ? null : flags };
}

/**
 * The control listener's token: from the environment, else from its file, which is made at the first boot. A listener
 * that others can reach needs one that somebody has chosen.
 */
export async function controlToken(config: GatewayConfig): Promise<string> {
  if (config.CONTROL_TOKEN !== undefined) return config.CONTROL_TOKEN;
  if (!['127.0.0.1', '::1', 'localhost'].includes(config.CONTROL_HOST))
    throw new Error(
      `CONTROL_TOKEN: is needed, since CONTROL_HOST ${config.CONTROL_HOST} can be reached from outside`,
    );
  return tokenOfFile(config.CONTROL_TOKEN_FILE);
}

/** Where the log of ingested chunks is. */
export function ingestLogFile({ INGEST_LOG, STATE_DIR }: GatewayConfig): string {
  return INGEST_LOG ?? join(STATE_DIR, 'ingest', 'log.jsonl');
}

/** What lanes get in their environment besides the gateway's own. */
export function laneEnv(config: GatewayConfig): Record<string, string> {
  const { EXPLAIN_LOG: folder = join(config.STATE_DIR, 'explain'), EXPLAIN_LOG_TEXTS: texts } = config;
  return {
    INGEST_LOG: ingestLogFile(config),
    EXPLAIN_LOG: folder === 'off' ? '' : folder,
    EXPLAIN_LOG_TEXTS: texts,
  };
}

/** The token of those who may change what is searched: from the environment, else from its file. */
export async function ingestToken(config: GatewayConfig): Promise<string> {
  const beside = join(dirname(config.CONTROL_TOKEN_FILE), 'ingest-token');
  return config.INGEST_TOKEN ?? tokenOfFile(config.INGEST_TOKEN_FILE ?? beside);
}
