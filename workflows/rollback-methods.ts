import type { RollbackVerification } from '../domain/contract.ts';
import type { ControlView } from '../domain/control.ts';
import { fallbackFlags, sameFlags } from '../domain/flag-flip.ts';
import { formatFlags } from '../domain/http.ts';
import { releaseBefore } from '../domain/release-before.ts';
import { activities } from './activities.ts';
import { deploymentActivities } from './rollback-activities.ts';
import type { Run, TakenBack } from './take-back.ts';
import { verifyBack } from './take-back.ts';

/** The fallback model and no reranker, on the lane that users are on: at once, and the release stays. */
export async function flipFlags(run: Run, triggeredMs: number): Promise<TakenBack> {
  const { takeEpoch, changeTraffic } = activities();
  const { epoch, view } = await takeEpoch({ owner: run.owner, key: run.key });
  const flip = fallbackFlags(view);
  if (flip.kind === 'impossible') return flip;
  const { lane, to } = flip;
  const step = `${run.key}/flags`;
  const { by, reason } = run;
  const result = await changeTraffic({ epoch, step, by, reason, flags: { [lane]: to } });
  if (result.kind === 'refused') {
    const { kind, reason: why } = result.refusal;
    return { kind: kind === 'invalid' ? 'impossible' : 'superseded', reason: why };
  }
  const safeAfterMs = Date.now() - triggeredMs;
  return { kind: 'safe', verification: flagsInForce(result.view, flip), safeAfterMs };
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
export async function undoDeployment(run: Run, to: string | null, triggeredMs: number): Promise<TakenBack> {
  const { deploymentRevision, undoDeployment: undo } = deploymentActivities();
  const running = await deploymentRevision();
  if (running.kind === 'refused') return { kind: 'impossible', reason: running.reason };
  const { view } = await activities().takeEpoch({ owner: run.owner, key: run.key });
  const expected = to ?? releaseBefore(view.state);
  const { by, reason } = run;
  const undone = await undo({ from: running.revision, by, reason });
  if (undone.kind === 'refused') return { kind: 'impossible', reason: undone.reason };
  const safeAfterMs = Date.now() - triggeredMs;
  const verification = await verifyBack(activities(), expected);
  const said = { ...verification, reason: `${undone.says}; ${verification.reason}` };
  return { kind: 'safe', verification: said, safeAfterMs };
}
