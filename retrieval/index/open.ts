/** The one door to native/: everything that searches an index comes through here. */
export { openIndex, trimMemory } from '../../native/index.ts';
export type { IndexStatistics, NativeIndex } from '../../native/index.ts';
