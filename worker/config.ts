import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);
const url = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
  .transform((text) => text.replace(/\/+$/, ''));

const kubernetesName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be a name as Kubernetes has them');

/** The worker's environment. Temporal's own variables (TEMPORAL_ADDRESS and so on) are read by envconfig. */
const environment = z.object({
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
  WORKER_METRICS_HOST: z.string().min(1).default('127.0.0.1'),
  WORKER_METRICS_PORT: port.default(9464),
  /** Where pages go besides the log. */
  NOTIFY_WEBHOOK_URL: url.optional(),
  /** What the rollback method `kubernetes` undoes; `embedded` stands the gateway's own lanes in its place. */
  DEPLOYMENT: z.enum(['embedded', 'kubernetes']).optional(),
  KUBERNETES_DEPLOYMENT: kubernetesName.default('retriever-service'),
  KUBERNETES_NAMESPACE: kubernetesName.optional(),
});

export interface WorkerConfig {
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
  readonly metricsAddress: string;
  readonly webhookUrl: string | null;
  readonly deployment:
    | { readonly kind: 'none' }
    | { readonly kind: 'embedded' }
    | { readonly kind: 'kubernetes'; readonly deployment: string; readonly namespace: string | null };
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
    metricsAddress: `${data.WORKER_METRICS_HOST}:${data.WORKER_METRICS_PORT}`,
    webhookUrl: data.NOTIFY_WEBHOOK_URL ?? null,
    deployment:
      data.DEPLOYMENT === 'kubernetes'
        ? {
            kind: 'kubernetes',
            deployment: data.KUBERNETES_DEPLOYMENT,
            namespace: data.KUBERNETES_NAMESPACE ?? null,
          }
        : { kind: data.DEPLOYMENT ?? 'none' },
  };
}
