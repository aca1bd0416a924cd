/**
 * The cumulative sum of log likelihood ratios, which never falls below 0: E. S. Page, Biometrika 41 (1954) 100. It alarms at
 * ln(c); without harm it then runs for at least c steps on average (G. Lorden, Annals of Mathematical Statistics 42 (1971) 1897).
 */
export const CUSUM_ALARM = Math.log(1000);

/**
 * The sum after one more step, 0 to `CUSUM_ALARM`: what lies beyond an alarm would only delay its end. An alarm needs at
 * least `stepsToAlarm` steps: one may add or take away only so much, since a short spike of one lane is not a release gone
 * bad, and one of stable does not acquit it.
 */
export function cusum(sum: number, logRatio: number, stepsToAlarm: number): number {
  const cap = CUSUM_ALARM / stepsToAlarm;
  return Math.max(0, Math.min(sum + Math.max(-cap, Math.min(logRatio, cap)), CUSUM_ALARM));
}
