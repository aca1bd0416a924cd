import type { Effect, ExperimentDesign } from './effect.ts';

/** Units that an experiment needs, and how long they take at the traffic that was seen. */
export interface SampleSize {
  readonly design: ExperimentDesign;
  readonly expectedMs: number;
  readonly unitsPerHour: number;
}

/** Why an experiment ended, or never began: a code with its numbers. `detail` is the text of another part's error. */
export type ExperimentReason =
  | {
      readonly code: 'lifts' | 'lowers' | 'belowDetectable' | 'unproven';
      readonly effect: Effect;
      readonly detect: number;
    }
  | {
      readonly code: 'splitBroken';
      readonly onKeys: number;
      readonly offKeys: number;
      readonly offPercent: number;
      readonly p: number;
    }
  | { readonly code: 'hoursOver'; readonly maxHours: number; readonly units: number }
  | { readonly code: 'stableNotReady' }
  | { readonly code: 'candidateHasUsers'; readonly percent: number }
  | { readonly code: 'rerankerOff'; readonly release: string }
  | { readonly code: 'otherService'; readonly service: string; readonly asked: string }
  | { readonly code: 'fenceHeld'; readonly workflowId: string; readonly epoch: number }
  | { readonly code: 'gatewayRefused' | 'callFailed' | 'trafficUnknown'; readonly detail: string }
  | { readonly code: 'gatewayRestarted' }
  | {
      readonly code: 'noFeedback';
      readonly metric: string;
      readonly tookMs: number;
      readonly requests: number;
      readonly feedback: number;
    }
  | { readonly code: 'sampleTooLarge'; readonly sample: SampleSize; readonly maxHours: number }
  | { readonly code: 'lanesTaken'; readonly epoch: number; readonly experiment: string | null }
  | { readonly code: 'stopped'; readonly signal: string }
  | { readonly code: 'cancelled' };
