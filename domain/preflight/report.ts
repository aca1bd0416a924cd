import type { ReleaseQuality } from '../core/release-quality.ts';

export interface PreflightCheck {
  readonly name: string;
  /** `note`: worth knowing, and no reason to refuse. */
  readonly verdict: 'pass' | 'note' | 'fail' | 'inconclusive';
  /** With the numbers and the names of what is wrong. */
  readonly reason: string;
}

export interface PreflightReport {
  readonly checks: readonly PreflightCheck[];
  /** The release stable serves now; the one a rollback returns to. */
  readonly stable: string;
  /** From the candidate's and stable's metrics.json; null where a file does not say. */
  readonly candidateQuality: ReleaseQuality | null;
  readonly stableQuality: ReleaseQuality | null;
}
