import type { Verdict } from './verdict.ts';

export interface RollbackVerification {
  readonly verified: boolean;
  readonly reason: string;
  readonly probes: number;
  readonly matching: number;
  readonly version: string | null;
  /** Whether stable's metrics are back where they were before the rollout; null where nobody looked. */
  readonly metrics: { readonly verdict: Verdict; readonly reason: string } | null;
}
