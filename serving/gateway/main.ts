/** The gateway's process: reads its environment, starts its lanes, listens, and runs until SIGTERM. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import type { ControlState } from '../../domain/control/state.ts';
import { firstState } from '../../domain/control/apply-command.ts';
import { SettingsError } from '../../domain/core/settings.ts';
import { probeToken } from '../../retrieval/evaluation/probe-token.ts';
import { readManifest } from '../../retrieval/release/manifest.ts';
import { GatewayClock } from './control/clock.ts';
import { controlToken, ingestLogFile, ingestToken, laneEnv, pageRoute, readConfig } from './config.ts';
import type { GatewayConfig } from './config.ts';
import { createControlApp } from './routes/control-app.ts';
import { ControlPlane } from './control/control-plane.ts';
import { ExperimentArms } from './observers/experiment.ts';
import { FeedbackSamples } from './observers/feedback.ts';
import { Gateway } from './proxy/gateway.ts';
import { ComponentHealth } from './observers/health.ts';
import { HolderWatch } from './control/holder-watch.ts';
import { collectRarely } from './gc-tuning.ts';
import { refreshGauges } from './gauges.ts';
import { keepIngestLog } from './ingest-log.ts';
import { Lanes } from './lanes/lanes.ts';
import { DistinctKeys, createMetrics } from './metrics.ts';
import { createPublicApp } from './routes/public-app.ts';
import { notReady } from './lanes/readiness.ts';
import { Shadow } from './observers/shadow.ts';
import { createStateStore } from './control/state-store.ts';
import { errorMessage } from '../../domain/core/error-message.ts';

/** Five vectors of some thousand dimensions as JSON fit; nothing that would hurt does. */
const BODY_LIMIT = 1024 * 1024;
const MOST_IN_FLIGHT = { vector: 256, text: 64 };

/** A stable lane that needs longer does not keep the gateway from saying where it listens. */
const START_WITHIN_MS = 45_000;
/** A page that is not acted on is sent again. */
const REMIND_MS = 4 * 3_600_000;

const log = pino({ name: 'gateway' }, pino.destination(2));

try {
  await main();
} catch (error) {
  log.fatal({ err: error }, errorMessage(error));
  process.exitCode = 1;
}

async function main(): Promise<void> {
  collectRarely();
  const config = readConfig(process.env);
  const token = await controlToken(config);
  const clock = new GatewayClock();
  const { now } = clock;
  const store = createStateStore(config.STATE_DIR, clock);
  const state = (await store.load()) ?? (await bootState(config, now()));
  const metrics = createMetrics();
  const keys = new DistinctKeys();
  const health = new ComponentHealth(Date.now);
  const lanes: Lanes = new Lanes({
    releasesDir: config.RELEASES_DIR,
    env: laneEnv(config),
    now,
    log: (text, fields) => log.info(fields, text),
    onReady: () => restoreIfReady(),
  });
  const control: ControlPlane = new ControlPlane(state, {
    store,
    now,
    killSwitch: config.CANARY_PERCENT === 0,
    onChange: (next, before) => {
      if (next.percent !== before.percent) keys.clear();
      // A renewed lease is no news: it is renewed every few seconds.
      if (
        next.epoch !== before.epoch ||
        next.changedAtMs !== before.changedAtMs ||
        next.lanes !== before.lanes
      )
        log.info({ percent: next.percent, epoch: next.epoch, by: next.changedBy }, 'control state changed');
      lanes.follow(next);
      restoreIfReady();
    },
    onSave: (fault) => (fault === null ? health.worked('state') : health.failed('state')),
    onFault,
  });
  // A rollback to a cold release ends here, whether its lane became ready before or after it was asked for.
  function restoreIfReady(): void {
    const { restoring } = control.state;
    const spare = lanes.get('spare');
    if (restoring === null || spare?.release !== restoring || !spare.ready) return;
    control.apply({ kind: 'spareReady', release: restoring }).catch(onFault);
  }

  await control.start();
  lanes.follow(control.state);
  const deadlines = {
    vectorMs: config.LANE_DEADLINE_MS,
    textMs: config.TEXT_DEADLINE_MS,
    stableTimeoutMs: config.STABLE_PATIENCE_MS,
  };
  const feedback = await FeedbackSamples.open(join(config.STATE_DIR, 'feedback'), now, onFault);
  const experiment = new ExperimentArms(metrics);
  const gateway = new Gateway({ control, lanes, metrics, keys, clock, deadlines, feedback, experiment });
  const shared = { gateway, bodyLimit: BODY_LIMIT, onFault };
  const shadow = new Shadow({ control, lanes, metrics, deadlineMs: deadlines.textMs, onFault });
  const holder = new HolderWatch({
    control,
    now,
    limits: { unseenMs: config.HOLDER_UNSEEN_MS, repeatAfterMs: REMIND_MS },
    route: pageRoute(config),
    file: join(config.STATE_DIR, 'holder-alert.json'),
    log: (level, text, fields) => log[level](fields, text),
  });
  await holder.start();
  const ingestLog = await keepIngestLog(ingestLogFile(config), (error) => {
    health.failed('ingest');
    onFault(error);
  });
  const ingest = { log: ingestLog, token: await ingestToken(config) };
  let draining = false;
  const publicApp = createPublicApp({
    ...shared,
    notReady: () => (draining ? 'the gateway is ending' : notReady(control, lanes)),
    metrics,
    refreshGauges: () => refreshGauges({ control, lanes, metrics, keys, experiment, clock }),
    probeToken: probeToken(token),
    health,
    shadow,
    ingest,
    feedback,
    experiment,
    holder,
    mostInFlight: MOST_IN_FLIGHT,
  });
  const controlApp = createControlApp({
    ...shared,
    control,
    token,
    warm: () => lanes.readyReleases(),
    knows: (release) => isFolder(join(config.RELEASES_DIR, release)),
  });

  const stop = once(async () => {
    // Whoever balances load sees at /ready that it is to send nobody here, before connections are refused.
    draining = true;
    await pause(config.DRAIN_MS);
    // Requests under way are answered before their lanes end.
    await Promise.all([publicApp.close(), controlApp.close()]);
    await ingest.log.close();
    await feedback.close();
    await holder.stop();
    await control.stop();
    await lanes.stop();
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop());
  try {
    const controlUrl = await controlApp.listen({ host: config.CONTROL_HOST, port: config.CONTROL_PORT });
    const publicUrl = await publicApp.listen({ host: config.GATEWAY_HOST, port: config.GATEWAY_PORT });
    await lanes.settled('stable', START_WITHIN_MS);
    process.stdout.write(
      `${JSON.stringify({ event: 'listening', gateway: publicUrl, control: controlUrl })}\n`,
    );
  } catch (error) {
    await stop();
    throw error;
  }
}

/** All users on the release of the environment; flags that it names take the place of the release's own. */
async function bootState(
  { STABLE_RELEASE, RELEASES_DIR, SHADOW_PERCENT: shadowPercent, flags }: GatewayConfig,
  nowMs: number,
): Promise<ControlState> {
  if (flags === null) return { ...firstState({ release: STABLE_RELEASE, flags }, nowMs), shadowPercent };
  const manifest = await readManifest(join(RELEASES_DIR, STABLE_RELEASE));
  if (flags.nprobe !== undefined && flags.nprobe > manifest.nlist)
    throw new SettingsError(
      `FAISS_NPROBE: must be a whole number from 1 to ${manifest.nlist}, the lists of ${STABLE_RELEASE}, not ${flags.nprobe}`,
    );
  const stable = { release: STABLE_RELEASE, flags: { ...manifest.flags, ...flags } };
  return { ...firstState(stable, nowMs), shadowPercent };
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found?.isDirectory() ?? false;
}

function onFault(error: unknown): void {
  log.error({ err: error }, errorMessage(error));
}

/** The same promise however often it is called. */
function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => (running ??= run());
}
