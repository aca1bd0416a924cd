/** `npm start`: the embedded stack, kept running until Ctrl-C. */
import { join } from 'node:path';
import { TASK_QUEUE } from '../domain/queues.ts';
import { ROOT } from './stack/process.ts';
import { untilInterrupted } from './stack/interrupt.ts';
import { portsFromEnv } from './stack/ports.ts';
import { startStack } from './stack/stack.ts';

const interrupted = untilInterrupted();
try {
  const stack = await startStack({
    dataDir: join(ROOT, '.data'),
    releasesDir: process.env['RELEASES_DIR'] ?? join(ROOT, 'artifacts/releases'),
    artifactsDir: join(ROOT, 'artifacts'),
    plansDir: join(ROOT, 'plans'),
    stableRelease: process.env['STABLE_RELEASE'] ?? 'v-1',
    ports: portsFromEnv(process.env),
    onProgress: (text) => console.log(`  ${text}`),
    onUnexpectedExit: (reason) => interrupted.now(reason),
  });
  const { temporal, gateway, temporalUi } = stack.addresses;
  const address = temporal.endsWith(':7233') ? '' : ` --address ${temporal}`;
  console.log(`
Everything runs. In another terminal:
  curl -s ${gateway}/health
  .data/bin/temporal workflow start${address} --type rollout --task-queue ${TASK_QUEUE} \\
    --workflow-id rollout/retriever --input '{"candidate":"retriever_v0"}'
  .data/bin/temporal workflow query${address} --workflow-id rollout/retriever --type status
  .data/bin/temporal workflow signal${address} --workflow-id rollout/retriever --name rollback
and in a browser: ${temporalUi}
Ctrl-C stops all of it.`);
  const reason = await interrupted.reason;
  console.log(`\n${reason}: stopping`);
  await stack.stop();
  process.exitCode = interrupted.bySignal() ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
interrupted.release();
