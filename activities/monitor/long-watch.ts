import { activityInfo, cancellationDetails, heartbeat } from '@temporalio/activity';
import type { Packed } from '../../domain/core/packed.ts';
import { packState, unpackState } from './carried-state.ts';

/** Well within the time-out of 20 s, by which a dead worker is missed. */
const BEAT_MS = 4_000;

/** Sends a signal to a workflow. Rejects where Temporal did not take it in time. */
export type SendSignal = (workflowId: string, name: string, payload: unknown) => Promise<void>;

interface Reporting {
  /** Reports that Temporal has not taken yet, oldest first. */
  readonly unsent: readonly { readonly key: string }[];
}

/**
 * State of an activity that watches for hours: it is in each heartbeat, which no history keeps, and the attempt after a
 * worker's death goes on from it. Heartbeats are sent by a timer of their own: a poll may take as long as it takes. After
 * a kill the state is older by one heartbeat's time, 4 s, and what was reported is never older than a second (worker/workers.ts).
 */
export class WatchState<State extends Reporting> {
  current: State;
  private readonly beating: NodeJS.Timeout;

  constructor(carried: Packed<State> | null, fresh: () => State) {
    const before: Packed<State> | undefined = activityInfo().heartbeatDetails;
    const packed = before ?? carried;
    this.current = packed === null ? fresh() : unpackState(packed);
    this.beating = setInterval(() => this.beat(), BEAT_MS);
  }

  beat(): void {
    heartbeat(this.packed());
  }

  packed(): Packed<State> {
    return packState(this.current);
  }

  end(): void {
    clearInterval(this.beating);
  }
}

/** Whether its workflow wants the watch to end; a worker that shuts down does not: the next one goes on. */
export function isWantedBack(): boolean {
  return cancellationDetails()?.cancelRequested === true;
}

/** Sends reports one after the other, beside the polls; one that Temporal does not take goes along with the next poll. */
export class Reporter<State extends Reporting> {
  private readonly signal: (report: unknown) => Promise<void>;
  private readonly state: WatchState<State>;
  private sending = false;

  constructor(state: WatchState<State>, signal: (report: unknown) => Promise<void>) {
    this.state = state;
    this.signal = signal;
  }

  send(): void {
    if (this.sending || this.state.current.unsent.length === 0) return;
    this.sending = true;
    void this.sendAll();
  }

  private async sendAll(): Promise<void> {
    const { state } = this;
    try {
      for (let [next] = state.current.unsent; next !== undefined; [next] = state.current.unsent) {
        const { key } = next;
        await this.signal(next);
        state.current = { ...state.current, unsent: state.current.unsent.filter((of) => of.key !== key) };
        state.beat();
      }
    } catch {
      // It stays unsent.
    } finally {
      this.sending = false;
    }
  }
}
