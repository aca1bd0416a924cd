/** More texts would wait for a thread than the pool lets wait. Nothing of the request was begun; worth a retry later. */
export class EncoderBusyError extends Error {
  readonly queued: number;
  readonly limit: number;

  constructor(queued: number, limit: number) {
    super(`the encoder is busy: ${queued} texts wait already, at most ${limit} may`);
    this.name = 'EncoderBusyError';
    this.queued = queued;
    this.limit = limit;
  }
}

/** The request's deadline passed while its text waited for a thread: the model did not run for it. */
export class EncoderDeadlineError extends Error {
  readonly lateMs: number;

  constructor(lateMs: number) {
    super(
      `the text waited for the encoder until ${lateMs.toFixed(0)} ms after its deadline, and was dropped`,
    );
    this.name = 'EncoderDeadlineError';
    this.lateMs = lateMs;
  }
}

/** The encoder's folder holds something else than its manifest says: no retry helps, a person has to mend the folder. */
export class EncoderError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EncoderError';
  }
}
