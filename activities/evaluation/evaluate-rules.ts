import { alertNotification } from '../../domain/alerts/alert-message.ts';
import { evaluateOnce } from '../../domain/alerts/evaluate-rules.ts';
import { DEFAULT_RULES, monitorId } from '../../domain/alerts/input.ts';
import type { EvaluationActivities } from '../../domain/contracts/evaluation-activities.ts';
import type { MonitorDeps } from '../monitor/monitor.ts';
import { readAlertRules, sceneNow } from '../monitor/monitor.ts';

type RulesDeps = Pick<
  MonitorDeps,
  'service' | 'plansDir' | 'control' | 'clock' | 'expectedShare' | 'evaluations'
> & {
  readonly taskQueue: string;
  /** Asks Temporal whether that workflow is open. */
  readonly isRunning: (workflowId: string) => Promise<boolean>;
};

/** The alert rules on an evaluation that no monitor sees: none runs, or no lane serves the release. */
export function createRulesOnEvaluation(deps: RulesDeps): Pick<EvaluationActivities, 'evaluateRules'> {
  const { service, taskQueue } = deps;
  return {
    async evaluateRules({ release }) {
      const scene = await sceneNow(deps, service, AbortSignal.timeout(5_000));
      const isServed = scene?.stable === release || scene?.candidate === release;
      if (isServed && (await deps.isRunning(monitorId(service)))) return { by: 'monitor' };
      const nowMs = deps.clock.now();
      const [rules, read] = await Promise.all([
        readAlertRules(deps.plansDir, DEFAULT_RULES),
        deps.evaluations(nowMs),
      ]);
      if (read.kind === 'missing') throw new Error(read.reason);
      const { findings, events } = evaluateOnce(rules, release, read.records, nowMs);
      const notifications = events.map((event) => {
        // Nobody would close it: the next evaluation is another look.
        const { incident: _, ...note } = alertNotification(event, rules, {
          service,
          taskQueue,
          scene,
          nowMs,
        });
        return note;
      });
      return { by: 'evaluation', findings, notifications };
    },
  };
}
