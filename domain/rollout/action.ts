import type { Flags } from '../control/state.ts';

/** What the workflow has to do now. It does it and brings back an event. */
export type Action =
  | { readonly do: 'preflight' }
  | { readonly do: 'fence' }
  | { readonly do: 'load' }
  | { readonly do: 'snapshot' }
  | { readonly do: 'evaluate'; readonly name: string }
  | { readonly do: 'raise'; readonly percent: number }
  | { readonly do: 'withdrawTraffic'; readonly reason: string }
  /** The gateway's state, before a remediation. */
  | { readonly do: 'readFlags' }
  | { readonly do: 'applyRemediation'; readonly flags: Flags; readonly reason: string }
  /** The workflow `nprobeTuning` on the candidate's lane, as this rollout's child. */
  | { readonly do: 'tune' }
  /** Until the time, or a message or the guard; null: only those. */
  | { readonly do: 'wait'; readonly untilMs: number | null; readonly why: string }
  | { readonly do: 'promote' }
  | { readonly do: 'rollback' }
  | { readonly do: 'finish' };
