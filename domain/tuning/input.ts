import type { InputResult } from '../core/input-reader.ts';
import { aBoolean, aName, oneOf, readFields } from '../core/input-reader.ts';
import type { NprobePriority } from './choose-nprobe.ts';
import type { LaneName } from '../control/traffic-split.ts';

/** Input of the workflow `nprobeTuning`; everything has a default. */
export interface NprobeTuningInput {
  /** Default `retriever`. */
  readonly service?: string;
  /** The lane that is swept and changed; default: the candidate for a rollout's child, else stable. */
  readonly lane?: LaneName;
  /** What the choice is to favour; default `balanced`. */
  readonly priority?: NprobePriority;
  /** P95 of retrieval (predict + search) that is wanted, ms; default 8, the runbook's. */
  readonly targetMs?: number;
  /** What is tried; default 4, 8, 12, 16. */
  readonly nprobes?: readonly number[];
  /** Whether the choice is carried out; default true. Without, the result says what would be chosen. */
  readonly apply?: boolean;
  /** The fence of the rollout whose child this is; without, the tuning takes an epoch of its own. */
  readonly held?: { readonly owner: string; readonly epoch: number };
}

/**
 * What a tuning ends with. `applied`: the lane has the chosen nprobe, and did not get worse. `unchanged`: nothing was
 * changed, as the lane has the right one already, or because nothing was to be applied. `reverted`: it was changed, and
 * has its old nprobe again. `hold`: a person has to look: no nprobe qualifies, or it could not be applied. `superseded`:
 * somebody took the fence; the lane is theirs.
 */
export interface NprobeTuningResult {
  readonly outcome: 'applied' | 'unchanged' | 'reverted' | 'hold' | 'superseded';
  /** `applied`: the lane's new one; `unchanged`: the chosen one; `reverted`: the old one, which it has again. */
  readonly nprobe: number | null;
  readonly reason: string;
}

/** The input with its defaults. */
export interface TuningRequest {
  readonly service: string;
  readonly lane: LaneName;
  readonly priority: NprobePriority;
  readonly targetMs: number;
  readonly nprobes: readonly number[];
  readonly apply: boolean;
  readonly held: { readonly owner: string; readonly epoch: number } | null;
}

const FIELDS = ['service', 'lane', 'priority', 'targetMs', 'nprobes', 'apply', 'held'];
/** The runbook's. */
const TARGET_MS = 8;
const NPROBES = [4, 8, 12, 16];
/** A pass takes minutes, not hours. */
const MOST_NPROBES = 8;
const LARGEST_NPROBE = 65_536;

const LANE = { ...oneOf('stable', 'candidate'), expected: 'stable or candidate' };
const PRIORITY = {
  ...oneOf('balanced', 'latency', 'accuracy'),
  expected: 'balanced, latency or accuracy',
};
const POSITIVE_MS = { expected: 'milliseconds over 0', fits: isPositive };
const SWEPT = {
  expected: `1 to ${MOST_NPROBES} different whole numbers up to ${LARGEST_NPROBE}`,
  fits: isNprobes,
};
const HELD = { expected: '{"owner": text, "epoch": whole number}', fits: isHeld };

/** The input with its defaults, or every problem with it by field. Nothing at all, and a field that is null, is the default. */
export function readNprobeTuningInput(raw: unknown): InputResult<TuningRequest> {
  const about = { fields: FIELDS, example: '{"lane":"stable","priority":"balanced"}' };
  return readFields(withoutNulls(raw), about, (field) => {
    const held = field('held', HELD, null);
    return {
      service: field('service', aName, 'retriever'),
      lane: field('lane', LANE, held === null ? 'stable' : 'candidate'),
      priority: field('priority', PRIORITY, 'balanced'),
      targetMs: field('targetMs', POSITIVE_MS, TARGET_MS),
      nprobes: field('nprobes', SWEPT, NPROBES),
      apply: field('apply', aBoolean, true),
      held,
    };
  });
}

function withoutNulls(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null));
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

function isNprobes(value: unknown): value is readonly number[] {
  return (
    Array.isArray(value) &&
    value.length >= 1 &&
    value.length <= MOST_NPROBES &&
    new Set(value).size === value.length &&
    value.every((nprobe) => Number.isInteger(nprobe) && nprobe >= 1 && nprobe <= LARGEST_NPROBE)
  );
}

function isHeld(value: unknown): value is { owner: string; epoch: number } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { owner, epoch, ...more } = value as Readonly<Record<string, unknown>>;
  return (
    typeof owner === 'string' && owner !== '' && Number.isInteger(epoch) && Object.keys(more).length === 0
  );
}
