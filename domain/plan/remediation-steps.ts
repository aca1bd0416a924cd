import type { Flags } from '../control/state.ts';
import type { RemediationStep } from './plan.ts';

/** The runbook's values of nprobe, between which a step moves: 8 to 4, 8 to 12. */
const NPROBES = [4, 8, 12, 16] as const;

/** What undoes what. */
const OPPOSITES: Partial<Record<RemediationStep, RemediationStep>> = {
  rerankerOff: 'rerankerOn',
  rerankerOn: 'rerankerOff',
  nprobeDown: 'nprobeUp',
  nprobeUp: 'nprobeDown',
};

/** A step that can be taken, with the flags after it (as they are, for a sweep); or why none is left. */
export type NextStep =
  | { readonly kind: 'rung'; readonly step: RemediationStep; readonly flags: Flags }
  | { readonly kind: 'none'; readonly reason: string };

/**
 * The first step of a ladder that was not tried in this stage, changes something, and does not undo what the stage has
 * done already: two rows that ask for opposites would have it go back and forth. `hold` ends a ladder.
 */
export function nextRemediation(
  ladder: readonly RemediationStep[],
  taken: readonly RemediationStep[],
  flags: Flags,
): NextStep {
  const passedOver: string[] = [];
  for (const step of ladder) {
    if (step === 'hold') break;
    const opposite = OPPOSITES[step];
    const after = afterStep(step, flags);
    // What a sweep will find is not known before it; it is the tuning's to change nothing.
    if (step === 'sweep' && !taken.includes(step)) return { kind: 'rung', step, flags };
    if (taken.includes(step)) passedOver.push(`${step} was taken`);
    else if (opposite !== undefined && taken.includes(opposite))
      passedOver.push(`${step} would undo ${opposite}`);
    else if (after === null) passedOver.push(`${step} changes nothing with ${listFlags(flags)}`);
    else return { kind: 'rung', step, flags: after };
  }
  return { kind: 'none', reason: passedOver.join(', ') };
}

/** The flags after a step; null where they are as it would make them. */
function afterStep(step: RemediationStep, flags: Flags): Flags | null {
  switch (step) {
    case 'rerankerOff':
      return flags.reranker === 'off' ? null : { ...flags, reranker: 'off' };
    case 'rerankerOn':
      return flags.reranker === 'on' ? null : { ...flags, reranker: 'on' };
    case 'nprobeDown':
      return withNprobe(
        flags,
        NPROBES.findLast((nprobe) => nprobe < flags.nprobe),
      );
    case 'nprobeUp':
      return withNprobe(
        flags,
        NPROBES.find((nprobe) => nprobe > flags.nprobe),
      );
    case 'fallbackModel':
      return flags.impl === 'gru_v0' ? null : { ...flags, impl: 'gru_v0' };
    case 'sweep':
    case 'hold':
      return null;
    default:
      return step satisfies never;
  }
}

function withNprobe(flags: Flags, nprobe: number | undefined): Flags | null {
  return nprobe === undefined ? null : { ...flags, nprobe };
}

/** What differs, as a person reads it: `nprobe 4, reranker off`; empty where nothing does. */
export function formatDifference(from: Flags, to: Flags): string {
  return [
    from.nprobe === to.nprobe ? null : `nprobe ${to.nprobe}`,
    from.reranker === to.reranker ? null : `reranker ${to.reranker}`,
    from.impl === to.impl ? null : to.impl,
  ]
    .filter((part) => part !== null)
    .join(', ');
}

function listFlags({ impl, reranker, nprobe }: Flags): string {
  return `nprobe ${nprobe}, reranker ${reranker}, ${impl}`;
}
