import type { Settings } from '../domain/core/settings.ts';
import { readSettings } from '../domain/core/settings.ts';
import type { WebhookFormat, WebhookRoute } from '../domain/notification/webhook-message.ts';
import { webhookRoute } from '../domain/notification/webhook-message.ts';
import { recordsFolder } from '../domain/core/stack-folders.ts';

/** What a worker reads; Temporal's own variables (TEMPORAL_ADDRESS and so on) are read by envconfig. */
const NAMES = [
  'SERVICE',
  'TASK_QUEUE',
  'GATEWAY_URL',
  'CONTROL_URL',
  'CONTROL_TOKEN',
  'CONTROL_TOKEN_FILE',
  'RELEASES_DIR',
  'ARTIFACTS_DIR',
  'PLANS_DIR',
  'PROD_DOCS_DIR',
  'ROLLBACK_SCRIPT',
  'INGEST_LOG',
  'WORKER_METRICS_HOST',
  'WORKER_METRICS_PORT',
  'WORKER_HEALTH_HOST',
  'WORKER_HEALTH_PORT',
  'DEPLOYMENT',
  'KUBERNETES_DEPLOYMENT',
  'KUBERNETES_NAMESPACE',
  'NOTIFY_WEBHOOK_URL',
  'NOTIFY_WEBHOOK_FORMAT',
  'NOTIFY_CRITICAL_URL',
  'NOTIFY_CRITICAL_FORMAT',
  'NOTIFY_WARNING_URL',
  'NOTIFY_WARNING_FORMAT',
  'NOTIFY_INFO_URL',
  'NOTIFY_INFO_FORMAT',
  'NOTIFY_PAGERDUTY_KEY',
  'NOTIFY_SENT_FILE',
] as const;
type WorkerSettings = Settings<(typeof NAMES)[number]>;

export interface WorkerConfig {
  readonly service: string;
  readonly taskQueue: string;
  readonly gatewayUrl: string;
  readonly control: {
    readonly url: string;
    readonly token: { readonly value: string } | { readonly file: string };
  };
  readonly releasesDir: string;
  readonly artifactsDir: string;
  readonly plansDir: string;
  readonly prodDocsDir: string;
  readonly rollbackScript: string;
  readonly ingestLog: string;
  readonly metricsAddress: string;
  readonly health: { readonly host: string; readonly port: number };
  readonly deployment:
    | { readonly kind: 'none' }
    | { readonly kind: 'embedded' }
    | { readonly kind: 'kubernetes'; readonly deployment: string; readonly namespace: string | null };
  /** Webhooks by severity; null: the log alone. */
  readonly routes: Readonly<Record<'critical' | 'warning' | 'info', WebhookRoute | null>>;
  readonly sentFile: string;
}

/** @throws SettingsError with one line for each variable that is wrong */
export function readConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  const data = readSettings(env, ...NAMES);
  return {
    service: data.SERVICE,
    taskQueue: data.TASK_QUEUE,
    gatewayUrl: data.GATEWAY_URL,
    control: {
      url: data.CONTROL_URL,
      token:
        data.CONTROL_TOKEN === undefined ? { file: data.CONTROL_TOKEN_FILE } : { value: data.CONTROL_TOKEN },
    },
    releasesDir: data.RELEASES_DIR ?? 'artifacts/releases',
    artifactsDir: recordsFolder(data.ARTIFACTS_DIR ?? 'artifacts', data.SERVICE),
    plansDir: data.PLANS_DIR,
    prodDocsDir: recordsFolder(data.PROD_DOCS_DIR ?? 'docs/PROD', data.SERVICE),
    rollbackScript: data.ROLLBACK_SCRIPT,
    ingestLog: data.INGEST_LOG ?? '.data/gateway/ingest/log.jsonl',
    metricsAddress: `${data.WORKER_METRICS_HOST}:${data.WORKER_METRICS_PORT}`,
    health: { host: data.WORKER_HEALTH_HOST, port: data.WORKER_HEALTH_PORT },
    deployment: deploymentOf(data),
    routes: routesOf(data),
    sentFile: data.NOTIFY_SENT_FILE,
  };
}

/** A severity's own webhook, else the one for all that a person has to see. */
function routesOf(data: WorkerSettings): WorkerConfig['routes'] {
  const { NOTIFY_WEBHOOK_URL: shared, NOTIFY_WEBHOOK_FORMAT: sharedFormat } = data;
  const route = (to: string | undefined, as: WebhookFormat | undefined) =>
    webhookRoute(to, as ?? sharedFormat, data.NOTIFY_PAGERDUTY_KEY);
  return {
    critical: route(data.NOTIFY_CRITICAL_URL ?? shared, data.NOTIFY_CRITICAL_FORMAT),
    warning: route(data.NOTIFY_WARNING_URL ?? shared, data.NOTIFY_WARNING_FORMAT),
    info: route(data.NOTIFY_INFO_URL, data.NOTIFY_INFO_FORMAT),
  };
}

function deploymentOf(data: WorkerSettings): WorkerConfig['deployment'] {
  const { DEPLOYMENT: kind, KUBERNETES_DEPLOYMENT: deployment, KUBERNETES_NAMESPACE: namespace } = data;
  return kind === 'kubernetes'
    ? { kind, deployment, namespace: namespace ?? null }
    : { kind: kind ?? 'none' };
}
