import { describe, expect, it } from 'vitest';
import { firstState } from '../../../../domain/control/apply-command.ts';
import { LANE_HEADERS } from '../../../../domain/control/http.ts';
import { GATEWAY_METRICS } from '../../../../domain/metrics/snapshot.ts';
import type { Lanes } from '../../../../serving/gateway/lanes/lanes.ts';
import { createMetrics } from '../../../../serving/gateway/metrics.ts';
import { Shadow } from '../../../../serving/gateway/observers/shadow.ts';
import { metric } from '../../../support/gateway-process.ts';

const stable = { release: 'v-1', flags: null };
const state = {
  ...firstState(stable, 0),
  percent: 5,
  shadowPercent: 100,
  lanes: { ...firstState(stable, 0).lanes, candidate: { release: 'v0', flags: null } },
};

/** How often a lane was asked, and how many queries were dropped, where so many users wait. */
async function offered(usersWaiting: number) {
  const metrics = createMetrics();
  const asked: string[] = [];
  // A lane that is not there: whether it was asked is all that is looked at.
  const lanes = { get: (name: string) => void asked.push(name) } as unknown as Lanes;
  const shadow = new Shadow({ control: { state }, lanes, metrics, deadlineMs: 1, onFault: () => {} });
  const compare = shadow.chosen(
    {
      body: Buffer.from('{}'),
      contentType: 'application/json',
      parameters: '',
      requestId: 'a',
      requestKey: 'b',
      synthetic: false,
      client: { gone: false, onGone: null },
    },
    {
      kind: 'answer',
      lane: 'stable',
      status: 200,
      headers: { [LANE_HEADERS.kind]: 'context' },
      body: Buffer.from('{"results":[]}'),
    },
  );
  compare?.(usersWaiting);
  const text = await metrics.registry.metrics();
  return { asked, dropped: metric(text, GATEWAY_METRICS.shadow, { outcome: 'dropped' }) };
}

describe('a shadowed query', () => {
  it('asks the other lane while few users wait', async () => {
    expect(await offered(4)).toEqual({ asked: ['candidate'], dropped: 0 });
  });

  it('gives way while more of them do', async () => {
    expect(await offered(5)).toEqual({ asked: [], dropped: 1 });
  });
});
