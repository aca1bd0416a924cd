/**
 * The cumulative sum of log likelihood ratios, which never falls below 0: E. S. Page, Biometrika 41 (1954) 100. It alarms at
 * ln(c); without harm it then runs for at least c steps on average (G. Lorden, Annals of Mathematical Statistics 42 (1971) 1897).
 */
export const CUSUM_ALARM = Math.log(1000);

/**
 * What one step may add or take away at most: a short spike of one lane is not a release gone bad, and one of stable
 * does not acquit it. So an alarm needs at least so many steps.
 */
const STEPS_TO_ALARM = 4;
const CUSUM_CAP = CUSUM_ALARM / STEPS_TO_ALARM;

/** The sum after one more step, 0 to `CUSUM_ALARM`: what lies beyond an alarm would only delay its end. */
export function cusum(sum: number, logRatio: number): number {
  const step = Math.max(-CUSUM_CAP, Math.min(logRatio, CUSUM_CAP));
  return Math.max(0, Math.min(sum + step, CUSUM_ALARM));
}
