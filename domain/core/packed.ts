/** State of a long watch, compressed by its activity: a workflow carries it and does not look into it. */
export interface Packed<State> {
  readonly gzip: string;
  /** Never there: keeps states of one kind apart from those of another. */
  readonly of?: State;
}
