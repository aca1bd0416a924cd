/** The gateway's process: reads its environment, starts its lanes, listens, and runs until SIGTERM. */
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import type { ControlState, Flags } from '../../domain/control.ts';
import { firstState } from '../../domain/fence.ts';
import { readConfig, controlToken } from './config.ts';
import type { GatewayConfig } from './config.ts';
import { createControlApp } from './control-app.ts';
import { ControlPlane } from './control-plane.ts';
import { Gateway } from './gateway.ts';
import { Activity } from './health.ts';
import { Lanes } from './lanes.ts';
import { DistinctKeys, createMetrics } from './metrics.ts';
import { createPublicApp } from './public-app.ts';
import { createStateStore } from './state-store.ts';

/** Five vectors of some thousand dimensions as JSON fit; nothing that would hurt does. */
const BODY_LIMIT = 1024 * 1024;
const MOST_IN_FLIGHT = 512;

const log = pino({ name: 'gateway' }, pino.destination(2));

try {
  await main();
} catch (error) {
  log.fatal({ err: error }, error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const token = await controlToken(config);
  const store = createStateStore(config.STATE_DIR);
  const now = Date.now;
  const metrics = createMetrics();
  const keys = new DistinctKeys();
  const lanes: Lanes = new Lanes({
    releasesDir: config.RELEASES_DIR,
    env: {},
    now,
    log: (text, fields) => log.info(fields, text),
    onReady: (lane) => {
      if (lanes.nameOf(lane) === 'spare') void control.apply({ kind: 'spareReady', release: lane.release });
    },
  });
  const control: ControlPlane = new ControlPlane((await store.load()) ?? bootState(config, now()), {
    store,
    now,
    killSwitch: config.CANARY_PERCENT === 0,
    onChange: (state, before) => {
      if (state.percent !== before.percent) keys.clear();
      log.info({ percent: state.percent, epoch: state.epoch, by: state.changedBy }, 'control state changed');
      lanes.follow(state);
    },
  });
  await control.start();
  lanes.follow(control.state);

  const gateway = new Gateway({ control, lanes, metrics, keys, now, deadlineMs: config.LANE_DEADLINE_MS });
  const onFault = (error: unknown) => log.error({ err: error }, 'request failed');
  const shared = { gateway, bodyLimit: BODY_LIMIT, onFault };
  const publicApp = createPublicApp({
    ...shared,
    metrics,
    activity: new Activity(now),
    mostInFlight: MOST_IN_FLIGHT,
  });
  const controlApp = createControlApp({ ...shared, control, token, warm: () => lanes.readyReleases() });
  await publicApp.listen({ host: config.GATEWAY_HOST, port: config.GATEWAY_PORT });
  await controlApp.listen({ host: config.CONTROL_HOST, port: config.CONTROL_PORT });
  const address = (host: string, { port }: AddressInfo) => `http://${host}:${port}`;
  process.stdout.write(
    `${JSON.stringify({
      event: 'listening',
      gateway: address(config.GATEWAY_HOST, publicApp.server.address() as AddressInfo),
      control: address(config.CONTROL_HOST, controlApp.server.address() as AddressInfo),
    })}\n`,
  );

  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    // Requests under way are answered before their lanes end.
    await Promise.all([publicApp.close(), controlApp.close()]);
    await control.stop();
    await lanes.stop();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop());
}

function bootState(config: GatewayConfig, nowMs: number): ControlState {
  const { flags } = config;
  const defaults: Flags = { impl: 'gru_v0', reranker: 'off', nprobe: 8 };
  return firstState(
    { release: config.STABLE_RELEASE, flags: flags === null ? null : { ...defaults, ...flags } },
    nowMs,
  );
}
