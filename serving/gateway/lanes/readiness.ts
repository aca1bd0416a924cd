import type { AnyLane } from '../../../domain/control/state.ts';
import type { ControlPlane } from '../control/control-plane.ts';
import type { Lanes } from './lanes.ts';

/** A lane that hangs is not ready; probes wait for about as long. */
const WITHIN_MS = 1_000;

/**
 * Why users cannot be answered now; null where they can. Below 100 % that is stable's, who answers for the candidate
 * too; at 100 % either of them. Asks the lanes themselves: one that hangs is ready for nobody.
 */
export async function notReady(
  { state }: Pick<ControlPlane, 'state'>,
  lanes: Pick<Lanes, 'get'>,
): Promise<string | null> {
  const asked: readonly AnyLane[] = state.percent === 100 ? ['candidate', 'stable'] : ['stable'];
  const faults = await Promise.all(asked.map((lane) => faultOf(lane, lanes)));
  return faults.includes(null) ? null : faults.join('; ');
}

async function faultOf(name: AnyLane, lanes: Pick<Lanes, 'get'>): Promise<string | null> {
  const lane = lanes.get(name);
  if (lane === undefined) return `there is no ${name} lane`;
  const what = `the ${name} lane (${lane.release})`;
  if (lane.pool === null) return `${what} is not ready`;
  try {
    const answer = await lane.pool.request({
      method: 'GET',
      path: '/ready',
      signal: AbortSignal.timeout(WITHIN_MS),
    });
    await answer.body.dump();
    return answer.statusCode === 200 ? null : `${what} answered ${answer.statusCode}`;
  } catch {
    return `${what} does not answer`;
  }
}
