/** `rollout COMMAND`: what a person does with rollouts, over Temporal (TEMPORAL_ADDRESS and its like). */
import { judge } from './rollout/judge.ts';
import { list } from './rollout/list.ts';
import { messages } from './rollout/messages.ts';
import { plan } from './rollout/plan.ts';
import { rollback } from './rollout/rollback.ts';
import { start } from './rollout/start.ts';
import { status } from './rollout/status.ts';
import { watch } from './rollout/watch.ts';
import { runCommand } from './tool/tool.ts';

await runCommand('rollout', 'starts, watches and steers the rollouts of releases.', {
  start,
  status,
  watch,
  list,
  ...messages,
  rollback,
  plan,
  judge,
});
