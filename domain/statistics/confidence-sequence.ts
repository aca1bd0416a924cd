/**
 * Asymptotic confidence sequences: intervals that hold at every look together, however often and whenever one looks.
 * I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy, A. Ramdas, "Time-uniform central limit theory and asymptotic
 * confidence sequences", arXiv 2103.06476: theorem 2.2, two-sided, with Robbins' normal mixture.
 */

/**
 * The mixture's parameter that makes the sequence narrowest around `n` observations in all (> 0), for an error of
 * `alpha` (0..1). Equation 9 there, to its closed approximation.
 */
export function mixtureFor(n: number, alpha: number): number {
  const twice = -2 * Math.log(alpha);
  return Math.sqrt((twice + Math.log(twice + 1)) / n);
}

/**
 * By how many standard errors of the estimate the sequence reaches to either side after `n` observations (> 0). It is
 * some 3 around the planned number for 95 %, where a single look takes 1.96, and grows far off it.
 */
export function sequenceZ(n: number, rho: number, alpha: number): number {
  const mass = n * rho * rho;
  return Math.sqrt(((2 * (mass + 1)) / mass) * Math.log(Math.sqrt(mass + 1) / alpha));
}
