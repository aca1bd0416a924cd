import { log } from '@temporalio/workflow';
import type { LoadedPlan } from '../../domain/contracts/rollout-activities.ts';
import type { DecisionRecord } from '../../domain/rollout/decision-record.ts';
import { activities, permanentReason } from '../runtime/activities.ts';
import { identity } from '../runtime/identity.ts';
import type { CarriedDecisions } from '../runtime/renewal.ts';
import type { Decision } from '../../domain/rollout/decision.ts';

/** Letters of the records of one call: a verdict has some 5,000, a message 500. */
const AT_ONCE = 25_000;

/** Writes a run's decisions down, one after the other. What did not get through goes along with the next one. */
export class DecisionLog {
  private readonly candidate: string;
  private readonly waiting: DecisionRecord[];
  private sending: Promise<void> | null = null;
  private number: number;

  constructor(candidate: string, carried: CarriedDecisions | null) {
    this.candidate = candidate;
    this.waiting = [...(carried?.waiting ?? [])];
    this.number = carried?.number ?? 0;
  }

  get isSending(): boolean {
    return this.sending !== null;
  }

  carried(): CarriedDecisions {
    return { number: this.number, waiting: this.waiting };
  }

  add({ plan, digest }: LoadedPlan, decision: Decision): void {
    const belongs = { ...identity(), number: ++this.number, candidate: this.candidate };
    this.waiting.push({ ...belongs, plan: { name: plan.name, digest }, ...decision });
    this.sending ??= this.send();
  }

  /** Resolves when all is written, or cannot be: the end of a rollout does not wait for a full disk. */
  async flush(): Promise<void> {
    await this.sending;
    if (this.waiting.length > 0) await this.send();
  }

  private async send(): Promise<void> {
    const { candidate } = this;
    try {
      while (this.waiting.length > 0) {
        const records = this.waiting.slice(0, countOf(this.waiting));
        await activities().record({ candidate, records });
        this.waiting.splice(0, records.length);
      }
    } catch (error) {
      log.warn(`${this.waiting.length} decisions are not recorded: ${words(error)}`);
    } finally {
      this.sending = null;
    }
  }
}

/** How many go along in one call: at least one. */
function countOf(records: readonly DecisionRecord[]): number {
  let letters = 0;
  const over = records.findIndex((record) => (letters += JSON.stringify(record).length) > AT_ONCE);
  return over === -1 ? records.length : Math.max(1, over);
}

function words(error: unknown): string {
  try {
    return permanentReason(error);
  } catch {
    return 'cancelled';
  }
}
