import type { RolloutActivities } from '../domain/contract.ts';
import type { MonitorActivities } from '../domain/monitor-contract.ts';
import { createBaseline } from './baseline.ts';
import type { ControlOptions } from './control.ts';
import { createControlClient } from './control.ts';
import { createEvaluation } from './evaluation.ts';
import { createEvaluationRecords } from './evaluation-records.ts';
import { createGatewayMetrics } from './metrics.ts';
import { createMonitor } from './monitor.ts';
import type { NotifyDeps } from './notify.ts';
import { createNotify } from './notify.ts';
import type { PlansDeps } from './plans.ts';
import { createPlans } from './plans.ts';
import { createPreflight } from './preflight.ts';
import { createRollbackVerification } from './rollback-verification.ts';
import { createTraffic } from './traffic.ts';
import type { WatchDeps } from './watch.ts';
import { createWatch } from './watch.ts';

export interface ActivitiesConfig {
  readonly service: string;
  readonly gatewayUrl: string;
  readonly control: ControlOptions;
  readonly releasesDir: string;
  readonly artifactsDir: string;
  readonly plansDir: string;
  readonly rollbackScript: string;
  readonly routes: NotifyDeps['routes'];
  readonly sentFile: string | null;
}

/** All effects of the workflows, each from the file of the outside system that it touches. */
export function createActivities(
  config: ActivitiesConfig,
  deps: Pick<WatchDeps, 'isRunning'> & Pick<NotifyDeps, 'log'> & Pick<PlansDeps, 'searchAttributes'>,
): RolloutActivities & MonitorActivities {
  const control = createControlClient(config.control);
  const metrics = createGatewayMetrics(config.gatewayUrl, Date.now);
  return {
    ...createPlans({ ...config, ...deps }),
    ...createTraffic(control),
    ...createPreflight({ ...config, control, metrics, scriptEnv: scriptEnv(config) }),
    snapshot: () => metrics.snapshot(),
    ...createEvaluation(config),
    ...createBaseline(config.artifactsDir),
    ...createWatch({ ...config, ...deps, control, metrics }),
    ...createRollbackVerification(config),
    ...createNotify({ ...config, ...deps }),
    ...createMonitor({ ...config, control, metrics, evaluations: createEvaluationRecords(config) }),
  };
}

/** What the operator's script reads from its environment. */
function scriptEnv({ gatewayUrl, control, releasesDir }: ActivitiesConfig): Record<string, string> {
  return {
    GATEWAY_URL: gatewayUrl,
    CONTROL_URL: control.url,
    RELEASES_DIR: releasesDir,
    ...('value' in control.token
      ? { CONTROL_TOKEN: control.token.value }
      : { CONTROL_TOKEN_FILE: control.token.file }),
  };
}
