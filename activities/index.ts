import type { RolloutActivities } from '../domain/contract.ts';
import type { TuningActivities } from '../domain/tuning-contract.ts';
import type { EvaluationActivities } from '../domain/evaluation-contract.ts';
import type { ExperimentActivities } from '../domain/experiment-contract.ts';
import type { GuardActivities } from '../domain/guard-contract.ts';
import type { MonitorActivities } from '../domain/monitor-contract.ts';
import type { RollbackActivities } from '../domain/rollback-contract.ts';
import type { WeeklyActivities } from '../domain/weekly-contract.ts';
import { processClock } from '../retrieval/process-clock.ts';
import { createBaseline } from './baseline.ts';
import { createCleanEvaluation } from './clean-evaluation.ts';
import type { ControlOptions } from './control.ts';
import { createControlClient } from './control.ts';
import { createDecisions } from './decisions.ts';
import type { DeploymentConfig } from './deployment.ts';
import { createDeployment } from './deployment.ts';
import { createEvaluation } from './evaluation.ts';
import { createExperiment } from './experiment.ts';
import { createFreeEpoch } from './free-epoch.ts';
import { createEvaluationRecords } from './evaluation-records.ts';
import { createGatewayMetrics } from './metrics.ts';
import { createMonitor } from './monitor.ts';
import type { NotifyDeps } from './notify.ts';
import { createNotify } from './notify.ts';
import type { MonitorDeps } from './observability.ts';
import type { PlansDeps } from './plans.ts';
import { createPlans } from './plans.ts';
import { createPostmortems } from './postmortem.ts';
import { createExpectedShares } from './release-files.ts';
import { createPreflight } from './preflight.ts';
import { createRollbackVerification } from './rollback-verification.ts';
import { createSweep } from './sweep.ts';
import { createTraffic } from './traffic.ts';
import { createTuningLog } from './tuning-log.ts';
import type { WatchDeps } from './watch.ts';
import { createWatch } from './watch.ts';
import { createWeekly } from './weekly.ts';

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
  const control = createControlClient(config.control);
  const clock = processClock;
  const metrics = createGatewayMetrics(config.gatewayUrl, clock.now);
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
    ...createFreeEpoch(control, deps.isRunning),
    ...createExperiment(config),
    ...createTuningLog(config.prodDocsDir),
    ...createMonitor({
      ...config,
      ...deps,
      control,
      metrics,
      clock,
      expectedShare: createExpectedShares(config.releasesDir),
      evaluations: createEvaluationRecords(config),
    }),
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
