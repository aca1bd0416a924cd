import type { RolloutActivities } from '../../domain/contracts/rollout-activities.ts';
import type { ControlView } from '../../domain/control/state.ts';
import { fallbackFlags, sameFlags } from '../../domain/control/fallback-flags.ts';
import { formatFlags } from '../../domain/control/http.ts';
import { releaseBefore } from '../../domain/control/rollback-target.ts';
import { deploymentActivities } from './activities.ts';
import type { Run, RollbackAttempt } from './roll-back.ts';
import { epochOf, withOverdueAlert, verifyBack } from './roll-back.ts';
import type { RollbackVerification } from '../../domain/core/rollback-verification.ts';

/** Its pods take minutes, and longer where they have to be loaded first. */
const UNDO_LATE_MIN = 10;

/** The fallback model and no reranker, on the lane that users are on: at once, and the release stays. */
export function flipFlags(calls: RolloutActivities, run: Run, triggeredMs: number): Promise<RollbackAttempt> {
  return withOverdueAlert(run, () => flip(calls, run, triggeredMs));
}

async function flip(
  { takeEpoch, changeTraffic }: RolloutActivities,
  run: Run,
  triggeredMs: number,
): Promise<RollbackAttempt> {
  const { epoch, view } = await takeEpoch(epochOf(run));
  const change = fallbackFlags(view);
  if (change.kind === 'impossible') return change;
  const { lane, to } = change;
  const step = `${run.key}/flags`;
  const { by, reason } = run;
  const result = await changeTraffic({
    epoch,
    step,
    by,
    reason,
    commands: [{ kind: 'setFlags', lane, flags: to }],
  });
  if (result.kind === 'refused') {
    const { kind, reason: why } = result.refusal;
    return { kind: kind === 'invalid' ? 'impossible' : 'superseded', reason: why };
  }
  const safeAfterMs = Date.now() - triggeredMs;
  return { kind: 'safe', verification: flagsInForce(result.view, change), safeAfterMs };
}

/** Flags go along with each request, so what the gateway has is what every lane does. */
function flagsInForce(
  { lanes, state }: ControlView,
  { lane, release, from, to }: Extract<ReturnType<typeof fallbackFlags>, { kind: 'flip' }>,
): RollbackVerification {
  const now = lanes[lane];
  const verified = now !== null && now.release === release && sameFlags(now.flags, to);
  const unwatched =
    lane === 'candidate' && state.percent < 100
      ? `; no rollout watches its ${state.percent} % any more: they go back to ${state.lanes.stable.release} when the lease ends`
      : '';
  const reason = verified
    ? `${lane} ${release}: ${formatFlags(from)} -> ${formatFlags(to)}${unwatched}`
    : `${lane} has ${now === null ? 'no lane' : formatFlags(now.flags)}, not ${formatFlags(to)}`;
  return { verified, reason, probes: 0, matching: 0, version: now?.release ?? null, metrics: null };
}

/** The Deployment before, after a new epoch: nothing in flight may change traffic beside it. */
export async function undoDeployment(
  calls: RolloutActivities,
  run: Run,
  to: string | null,
  triggeredMs: number,
): Promise<RollbackAttempt> {
  const done = await withOverdueAlert(run, () => undo(calls, run, to), UNDO_LATE_MIN);
  if (done.kind === 'refused') return { kind: 'impossible', reason: done.reason };
  const { expected, says } = done;
  const safeAfterMs = Date.now() - triggeredMs;
  const verification = await verifyBack(calls, expected);
  const said = { ...verification, reason: `${says}; ${verification.reason}` };
  return { kind: 'safe', verification: said, safeAfterMs };
}

async function undo(calls: RolloutActivities, run: Run, to: string | null) {
  const { by, reason } = run;
  const { deploymentRevision, undoDeployment: ask } = deploymentActivities();
  const running = await deploymentRevision();
  if (running.kind === 'refused') return running;
  const { view } = await calls.takeEpoch(epochOf(run));
  const undone = await ask({ from: running.revision, by, reason });
  return undone.kind === 'refused' ? undone : { ...undone, expected: to ?? releaseBefore(view.state) };
}
