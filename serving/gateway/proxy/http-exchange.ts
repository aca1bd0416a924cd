import type { Dispatcher } from 'undici';

export interface Exchange {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly deadlineMs: number;
  readonly client: Client;
}

/** The user at the other end. Its request is with one lane at a time, so one listener is enough. */
export interface Client {
  gone: boolean;
  /** Called when the client goes. */
  onGone: (() => void) | null;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Why an exchange was given up. */
export class ExchangeAborted extends Error {
  readonly why: 'timeout' | 'aborted';

  constructor(why: 'timeout' | 'aborted') {
    super(why === 'timeout' ? 'the deadline has passed' : 'the client has gone');
    this.why = why;
  }
}

/**
 * One POST with its whole answer; rejects with ExchangeAborted at the deadline or when the client goes, else with the
 * connection's error. Every search comes through here, and dispatch with a handler costs a third of `request` with its
 * stream and two abort signals (docs/decisions.md).
 */
export function exchange(
  pool: Dispatcher,
  { path, headers, body, deadlineMs, client }: Exchange,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | null = null;
    let givenUp: ExchangeAborted | null = null;
    let status = 0;
    let received: Answered['headers'] = {};
    const chunks: Buffer[] = [];
    const settle = () => {
      clearTimeout(timer);
      client.onGone = null;
    };
    const giveUp = (why: ExchangeAborted['why']) => {
      settle();
      givenUp = new ExchangeAborted(why);
      controller?.abort(givenUp);
      reject(givenUp);
    };
    const timer = setTimeout(giveUp, deadlineMs, 'timeout');
    if (client.gone) return giveUp('aborted');
    client.onGone = () => giveUp('aborted');
    pool.dispatch(
      { method: 'POST', path, headers, body },
      {
        onRequestStart(started) {
          controller = started;
          // Given up while it waited for a connection.
          if (givenUp !== null) started.abort(givenUp);
        },
        onResponseStart(_controller, code, answered) {
          status = code;
          received = answered;
        },
        onResponseData(_controller, chunk) {
          chunks.push(chunk);
        },
        onResponseEnd() {
          settle();
          resolve({
            status,
            headers: received,
            body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks),
          });
        },
        onResponseError(_controller, error) {
          if (givenUp !== null) return;
          settle();
          reject(error);
        },
      },
    );
  });
}
