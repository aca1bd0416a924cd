/** Search attributes of a rollout, all of type Keyword; the worker registers them at its start. */
export const SEARCH_ATTRIBUTES = [
  'RolloutOutcome',
  'RolloutStage',
  'RolloutVerdict',
  'RolloutCandidate',
] as const;
export type SearchAttribute = (typeof SEARCH_ATTRIBUTES)[number];
