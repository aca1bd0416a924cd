import type { LoadStep } from '../load/question.ts';

/** A service keeps up with a rate while P95 stays within so many ms and every answer is a 200. */
export const LIMIT_MS = 10;

/** Why a rate was not held. `generator`: the requests themselves were sent late, which says nothing of the service. */
export type Failure = 'latency' | 'errors' | 'generator';

export interface TopRate {
  /** Requests a second; 0 where even the lowest rate was too much. */
  readonly rate: number;
  /** What kept the next rate from being held. */
  readonly limit: Failure;
}

const STEP = 1.25;
const BISECTIONS = 2;
const TRIES = 2;
const LOWEST = 25;
/** Sent so late at P95, the generator takes half of the limit for itself. */
const LATE_MS = LIMIT_MS / 2;

/** Null if the service held the rate. */
export function failureOf(step: LoadStep): Failure | null {
  if (step.errors > 0) return 'errors';
  if (!step.overrun && step.p95 <= LIMIT_MS) return null;
  return step.lagP95 > LATE_MS ? 'generator' : 'latency';
}

/**
 * The highest rate that is held: up from `startRate` in steps of a quarter (down where that is too much), then between
 * the last two rates. A rate that is not held is tried again, as the machine has other work too.
 */
export async function findTopRate(
  run: (rate: number) => Promise<LoadStep>,
  startRate: number,
): Promise<TopRate> {
  const attempt = async (rate: number) => {
    let failure: Failure | null = null;
    for (let i = 0; i < TRIES; i++) {
      failure = failureOf(await run(rate));
      if (failure === null) break;
    }
    return failure;
  };
  let held = 0;
  let limit: Failure = 'latency';
  let rate = startRate;
  let broken = Infinity;
  while (broken === Infinity || held === 0) {
    const failure = await attempt(rate);
    if (failure === null) {
      held = rate;
      rate *= STEP;
    } else {
      broken = rate;
      limit = failure;
      rate /= STEP;
      if (rate < LOWEST) return { rate: 0, limit };
    }
  }
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = Math.sqrt(held * broken);
    const failure = await attempt(middle);
    if (failure === null) held = middle;
    else {
      broken = middle;
      limit = failure;
    }
  }
  return { rate: held, limit };
}
