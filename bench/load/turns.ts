import { Pool } from 'undici';
import { median } from '../quantiles.ts';
import type { PreparedRequest } from './bodies.ts';
import type { Turns, TurnsQuestion } from './question.ts';

/** Requests to each address that do not count. */
const WARM_UP = 200;

/** Closed loop: one request under way at a time. Throws at an answer that is no 200. */
export async function takeTurns(
  { urls, requests: count }: TurnsQuestion,
  requests: readonly PreparedRequest[],
): Promise<Turns> {
  const targets = urls.map((url) => ({ pool: new Pool(url, { connections: 1 }), tookMs: [] as number[] }));
  for (let i = 0; i < WARM_UP + count; i++) {
    const request = requests[i % requests.length];
    if (!request) break;
    for (const { pool, tookMs } of targets) {
      const beganMs = performance.now();
      const answer = await pool.request({ method: 'POST', ...request });
      await answer.body.arrayBuffer();
      if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}`);
      if (i >= WARM_UP) tookMs.push(performance.now() - beganMs);
    }
  }
  await Promise.all(targets.map(({ pool }) => pool.destroy()));
  return { medians: targets.map(({ tookMs }) => median(tookMs)) };
}
