import type { AlertRule, AlertRules, Severity } from './rules.ts';
import { SEVERITIES, unseenAfterMs } from './rules.ts';
import type { Watch } from './state.ts';

/** Rules on one lane that can not be judged. */
interface Unseen {
  /** That of the most severe of them, but a warning at least: nobody knows what they would say. */
  readonly severity: Severity;
  readonly release: string;
  /** `norm-mismatch, list-imbalance: the lane does not say what it counts`, for each reason. */
  readonly reason: string;
}

interface Watched {
  readonly rule: AlertRule;
  /** Absent where there is nothing to watch. */
  readonly watch: Watch | undefined;
}

/** The rules whose input has not been there for their window; null where there is none. */
export function unseenOf(watched: readonly Watched[], rules: AlertRules, nowMs: number): Unseen | null {
  const dead = watched.flatMap(({ rule, watch }) =>
    watch !== undefined && nowMs - watch.seenMs >= unseenAfterMs(rule, rules) ? [{ rule, watch }] : [],
  );
  const [first] = dead;
  if (first === undefined) return null;
  const reasonOf = ({ measured }: Watch) => (measured.kind === 'value' ? 'no reading' : measured.reason);
  const reasons = [...new Set(dead.map(({ watch }) => reasonOf(watch)))];
  const namesOf = (reason: string) =>
    dead.filter(({ watch }) => reasonOf(watch) === reason).map(({ rule }) => rule.name);
  return {
    severity: mostSevere('warning', ...dead.map(({ rule }) => rule.severity)),
    release: first.watch.release,
    reason: reasons.map((reason) => `${namesOf(reason).join(', ')}: ${reason}`).join('; '),
  };
}

/** The most severe of them. */
export function mostSevere(...severities: readonly [Severity, ...Severity[]]): Severity {
  return SEVERITIES.find((severity) => severities.includes(severity)) ?? severities[0];
}
