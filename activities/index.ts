import type { RolloutActivities } from '../domain/contracts/rollout-activities.ts';
import type { TuningActivities } from '../domain/contracts/tuning-activities.ts';
import type { EvaluationActivities } from '../domain/contracts/evaluation-activities.ts';
import type { ExperimentActivities } from '../domain/contracts/experiment-activities.ts';
import type { GuardActivities } from '../domain/contracts/guard-activities.ts';
import type { MonitorActivities } from '../domain/contracts/monitor-activities.ts';
import type { RollbackActivities } from '../domain/contracts/rollback-activities.ts';
import type { WeeklyActivities } from '../domain/contracts/maintenance-activities.ts';
import { processClock } from '../retrieval/process-clock.ts';
import { createBaseline } from './rollback/baseline.ts';
import { createCleanEvaluation } from './evaluation/offline.ts';
import type { ControlOptions } from '../clients/gateway-client.ts';
import { controlFailure } from './gateway/control-failure.ts';
import { createControlClient } from '../clients/gateway-client.ts';
import { createDecisions } from './audit/decisions.ts';
import type { DeploymentConfig } from './rollback/deployment.ts';
import { createDeployment } from './rollback/deployment.ts';
import { createEvaluation } from './evaluation/live.ts';
import { createExperiment } from './experiment/experiment.ts';
import { createFenceAcquirer } from './gateway/acquire-fence.ts';
import { createRulesOnEvaluation } from './evaluation/evaluate-rules.ts';
import { createEvaluationRecords } from './evaluation/read-results.ts';
import { createGatewayMetrics } from '../clients/gateway-metrics.ts';
import { createMonitor } from './monitor/monitor.ts';
import type { NotifyDeps } from './notification/send.ts';
import { createNotify } from './notification/send.ts';
import type { MonitorDeps } from './preflight/observability-check.ts';
import type { PlansDeps } from './gateway/plans.ts';
import { createPlans } from './gateway/plans.ts';
import { createPostmortems } from './audit/postmortem.ts';
import { createExpectedShares } from './evaluation/release-metrics.ts';
import { createPreflight } from './preflight/preflight.ts';
import { createRollbackVerification } from './rollback/verification.ts';
import { createSweep } from './tuning/sweep.ts';
import { createTraffic } from './gateway/traffic.ts';
import { createTuningLog } from './tuning/log.ts';
import type { WatchDeps } from './gateway/watch.ts';
import { createWatch } from './gateway/watch.ts';
import { createWeekly } from './maintenance/weekly.ts';

export interface ActivitiesConfig {
  readonly service: string;
  readonly taskQueue: string;
  readonly gatewayUrl: string;
  readonly control: ControlOptions;
  readonly releasesDir: string;
  readonly artifactsDir: string;
  /** Where decisions are written down for people. */
  readonly prodDocsDir: string;
  readonly plansDir: string;
  readonly rollbackScript: string;
  readonly deployment: DeploymentConfig;
  readonly ingestLog: string;
  readonly routes: NotifyDeps['routes'];
  readonly sentFile: string | null;
}

/** What a worker can do: the rollout's part, and those of the workflows beside it. */
type Activities = RolloutActivities &
  GuardActivities &
  RollbackActivities &
  TuningActivities &
  MonitorActivities &
  EvaluationActivities &
  ExperimentActivities &
  WeeklyActivities;

/** All effects of the workflows, each from the file of the outside system that it touches. */
export function createActivities(
  config: ActivitiesConfig,
  deps: Pick<MonitorDeps, 'isRunning'> &
    Pick<WatchDeps, 'isAlive' | 'signal'> &
    Pick<NotifyDeps, 'log'> &
    Pick<PlansDeps, 'searchAttributes'>,
): Activities {
  const control = createControlClient({ ...config.control, failure: controlFailure });
  const clock = processClock;
  const metrics = createGatewayMetrics(config.gatewayUrl, clock.now);
  const watched = {
    ...config,
    ...deps,
    control,
    metrics,
    clock,
    expectedShare: createExpectedShares(config.releasesDir),
    evaluations: createEvaluationRecords(config),
  };
  return {
    ...createPlans({ ...config, ...deps }),
    ...createTraffic(control, config.service),
    ...createPreflight({ ...config, ...deps, control, metrics, scriptEnv: scriptEnv(config) }),
    snapshot: () => metrics.snapshot(),
    ...createEvaluation(config),
    ...createCleanEvaluation({ ...config, control }),
    ...createWeekly({ ...config, control }),
    ...createBaseline(config.artifactsDir),
    ...createDecisions(config.artifactsDir),
    ...createPostmortems(config.prodDocsDir),
    ...createDeployment(config.deployment, control),
    ...createWatch({ ...config, ...deps, control, metrics, clock }),
    ...createRollbackVerification({ ...config, metrics }),
    ...createNotify({ ...config, ...deps }),
    ...createSweep(config),
    ...createFenceAcquirer(control, deps.isRunning),
    ...createExperiment(config),
    ...createTuningLog(config.prodDocsDir),
    ...createRulesOnEvaluation(watched),
    ...createMonitor(watched),
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
