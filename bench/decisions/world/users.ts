import { NEWEST_SPLIT, splitPoint } from '../../../domain/control/traffic-split.ts';

/** Client ids that call in 48 hours. */
const CLIENTS = 2_000;
/** The heaviest client, and the skew of all others (Zipf). */
const HEAVIEST_SHARE = 0.2;
const SKEW = 0.9;
/** A client's sessions: in each ten minutes it is there with this probability, and is the more active for it. */
const PRESENT = 0.5;
const SLOTS = 4_096;
/** Some clients send requests that fail for them alone, and queries that are hard for every release. */
const FAILING_CLIENTS = 0.005;
const FAILING_ERRORS = 0.02;

/** One client; its key is hashed by the product's own split. */
export interface Client {
  readonly share: number;
  readonly point: number;
  readonly errors: number;
  readonly misses: number;
}

/** The clients of one run, and who of them sends the next request. */
export class Users {
  readonly clients: readonly Client[];
  private readonly slots = new Uint16Array(SLOTS);
  private readonly random: () => number;

  constructor(seed: number, salt: string, random: () => number) {
    this.random = random;
    const weights = Array.from({ length: CLIENTS - 1 }, (_, i) => 1 / (i + 1) ** SKEW);
    const sum = weights.reduce((all, weight) => all + weight, 0);
    const shares = [HEAVIEST_SHARE, ...weights.map((weight) => ((1 - HEAVIEST_SHARE) * weight) / sum)];
    this.clients = shares.map((share, i) => ({
      share,
      point: splitPoint(NEWEST_SPLIT, salt, `client-${seed}-${i}`),
      errors: i > 0 && random() < FAILING_CLIENTS ? FAILING_ERRORS * 2 * random() : 0,
      misses: 0.04 * random() ** 2,
    }));
    this.newSessions(null);
  }

  /** Draws who is there for the next minutes; `storm` weighs some clients up. */
  newSessions(storm: ((rank: number, client: Client) => number) | null): void {
    const { random } = this;
    const weights = this.clients.map((client, rank) => {
      const present = rank === 0 || random() < PRESENT;
      const active = rank === 0 ? 0.7 + 0.6 * random() : -Math.log(1 - random()) / PRESENT;
      return (present ? client.share * active : 0) * (storm?.(rank, client) ?? 1);
    });
    const sum = weights.reduce((all, weight) => all + weight, 0);
    let [slot, reached] = [0, 0];
    for (const [rank, weight] of weights.entries()) {
      reached += weight;
      const until = Math.round((reached / sum) * SLOTS);
      // A light client is drawn in some sessions and not in others: rounding is part of the draw.
      while (slot < until) this.slots[slot++] = rank;
    }
  }

  /** The rank of who sends the next request. */
  next(): number {
    return this.slots[Math.floor(this.random() * SLOTS)] ?? 0;
  }
}
