import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);
const url = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
  .transform((text) => text.replace(/\/+$/, ''));

const kubernetesName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be a name as Kubernetes has them');
const format = z.enum(['json', 'slack'], { error: 'must be json or slack' });

/** The worker's environment. Temporal's own variables (TEMPORAL_ADDRESS and so on) are read by envconfig. */
const environment = z.object({
  /** Whose gateway this worker changes; each service has a worker, with a task queue of its own. */
  SERVICE: z.string().min(1).default('retriever'),
  TASK_QUEUE: z.string().min(1).default('retriever-rollout'),
  GATEWAY_URL: url.default('http://127.0.0.1:8080'),
  CONTROL_URL: url.default('http://127.0.0.1:8081'),
  CONTROL_TOKEN: z.string().min(1).optional(),
  CONTROL_TOKEN_FILE: z.string().min(1).default('.data/run/control-token'),
  RELEASES_DIR: z.string().min(1).default('artifacts/releases'),
  ARTIFACTS_DIR: z.string().min(1).default('artifacts'),
  PLANS_DIR: z.string().min(1).default('plans'),
  /** Decisions and incidents, as documents for people. */
  PROD_DOCS_DIR: z.string().min(1).default('docs/PROD'),
  ROLLBACK_SCRIPT: z.string().min(1).default('scripts/rollback_retriever.sh'),
  /** The gateway's log of chunks that came and went. */
  INGEST_LOG: z.string().min(1).default('.data/gateway/ingest/log.jsonl'),
  WORKER_METRICS_HOST: z.string().min(1).default('127.0.0.1'),
  WORKER_METRICS_PORT: port.default(9464),
  /** Where pages and warnings go besides the log. */
  NOTIFY_WEBHOOK_URL: url.optional(),
  /** What the rollback method `kubernetes` undoes; `embedded` stands the gateway's own lanes in its place. */
  DEPLOYMENT: z.enum(['embedded', 'kubernetes']).optional(),
  KUBERNETES_DEPLOYMENT: kubernetesName.default('retriever-service'),
  KUBERNETES_NAMESPACE: kubernetesName.optional(),
  NOTIFY_WEBHOOK_FORMAT: format.default('json'),
  /** Of one severity alone, in its place. */
  NOTIFY_CRITICAL_URL: url.optional(),
  NOTIFY_CRITICAL_FORMAT: format.optional(),
  NOTIFY_WARNING_URL: url.optional(),
  NOTIFY_WARNING_FORMAT: format.optional(),
  /** Information goes to the log; here as well where it is set. */
  NOTIFY_INFO_URL: url.optional(),
  NOTIFY_INFO_FORMAT: format.optional(),
  /** Keys of the newest messages, so that a restart sends none twice. */
  NOTIFY_SENT_FILE: z.string().min(1).default('.data/worker/notified.json'),
});

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
  readonly deployment:
    | { readonly kind: 'none' }
    | { readonly kind: 'embedded' }
    | { readonly kind: 'kubernetes'; readonly deployment: string; readonly namespace: string | null };
  /** Webhooks by severity; null: the log alone. */
  readonly routes: Readonly<Record<'critical' | 'warning' | 'info', Route | null>>;
  readonly sentFile: string;
}

interface Route {
  readonly url: string;
  readonly format: 'json' | 'slack';
}

/** Throws an error with one line for each variable that is wrong. An empty variable counts as absent. */
export function readConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`the worker's environment is wrong\n${lines.join('\n')}`);
  }
  const { data } = parsed;
  return {
    service: data.SERVICE,
    taskQueue: data.TASK_QUEUE,
    gatewayUrl: data.GATEWAY_URL,
    control: {
      url: data.CONTROL_URL,
      token:
        data.CONTROL_TOKEN === undefined ? { file: data.CONTROL_TOKEN_FILE } : { value: data.CONTROL_TOKEN },
    },
    releasesDir: data.RELEASES_DIR,
    artifactsDir: data.ARTIFACTS_DIR,
    plansDir: data.PLANS_DIR,
    prodDocsDir: data.PROD_DOCS_DIR,
    rollbackScript: data.ROLLBACK_SCRIPT,
    ingestLog: data.INGEST_LOG,
    metricsAddress: `${data.WORKER_METRICS_HOST}:${data.WORKER_METRICS_PORT}`,
    deployment: deploymentOf(data),
    routes: routesOf(data),
    sentFile: data.NOTIFY_SENT_FILE,
  };
}

/** A severity's own webhook, else the one for all that a person has to see. */
function routesOf(data: z.infer<typeof environment>): WorkerConfig['routes'] {
  const { NOTIFY_WEBHOOK_URL: shared, NOTIFY_WEBHOOK_FORMAT: sharedFormat } = data;
  const route = (to: string | undefined, as: Route['format'] | undefined): Route | null =>
    to === undefined ? null : { url: to, format: as ?? sharedFormat };
  return {
    critical: route(data.NOTIFY_CRITICAL_URL ?? shared, data.NOTIFY_CRITICAL_FORMAT),
    warning: route(data.NOTIFY_WARNING_URL ?? shared, data.NOTIFY_WARNING_FORMAT),
    info: route(data.NOTIFY_INFO_URL, data.NOTIFY_INFO_FORMAT),
  };
}

function deploymentOf(data: z.infer<typeof environment>): WorkerConfig['deployment'] {
  const { DEPLOYMENT: kind, KUBERNETES_DEPLOYMENT: deployment, KUBERNETES_NAMESPACE: namespace } = data;
  return kind === 'kubernetes'
    ? { kind, deployment, namespace: namespace ?? null }
    : { kind: kind ?? 'none' };
}
