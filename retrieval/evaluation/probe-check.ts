import { errorMessage } from '../../domain/core/error-message.ts';
/** A query whose ten ids are known for a release. */
export interface Probe {
  readonly context: readonly Float32Array[];
  readonly exclude: readonly string[];
  readonly ids: readonly string[];
}

export interface ProbeResult {
  readonly verified: boolean;
  /** With the counts and the first difference. */
  readonly reason: string;
  readonly probes: number;
  readonly matching: number;
}

/**
 * Share of probes that must return the known ids in their order. Not all of them: near-ties fall differently on
 * another processor. Another release matches almost none, so the limit separates the two with ease.
 */
const LEAST_MATCHING = 0.9;

/**
 * Whether a service answers as the release of these probes would. `ask` returns the ids it got, best first;
 * what it throws counts as a probe that does not match, with the message as the reason.
 */
export async function checkProbes(
  probes: readonly Probe[],
  ask: (probe: Probe) => Promise<readonly string[]>,
): Promise<ProbeResult> {
  let matching = 0;
  let difference = '';
  for (const [i, probe] of probes.entries()) {
    const wrong = await differenceOf(probe, ask);
    if (wrong === null) matching++;
    else difference ||= `; probe ${i + 1}: ${wrong}`;
  }
  return {
    verified: probes.length > 0 && matching >= LEAST_MATCHING * probes.length,
    reason: `${matching} of ${probes.length} probes returned the known ids${difference}`,
    probes: probes.length,
    matching,
  };
}

async function differenceOf(
  probe: Probe,
  ask: (probe: Probe) => Promise<readonly string[]>,
): Promise<string | null> {
  try {
    const ids = await ask(probe);
    const at = probe.ids.findIndex((id, rank) => ids[rank] !== id);
    return at === -1 ? null : `rank ${at + 1} is ${ids[at] ?? 'missing'}, known is ${probe.ids[at]}`;
  } catch (error) {
    return errorMessage(error);
  }
}

/** The body of a search that asks a probe; chunks that were ingested since it was made would be among the results. */
export function probeRequest(probe: Probe): {
  context: number[][];
  exclude: readonly string[];
  k: number;
  asBuilt: true;
} {
  return {
    asBuilt: true,
    context: probe.context.map((vector) => Array.from(vector)),
    exclude: probe.exclude,
    k: probe.ids.length,
  };
}
