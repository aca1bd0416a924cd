import { NAME_RULE, isName } from '../core/name.ts';
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

/** The order that an input gives, or every problem with it by field. No input at all is an order of defaults. */
export function readNprobeTuningInput(
  raw: unknown,
): { readonly order: TuningRequest } | { readonly problems: readonly string[] } {
  const given = raw ?? {};
  if (typeof given !== 'object' || Array.isArray(given))
    return { problems: ['the input must be an object like {"lane":"stable","priority":"balanced"}'] };
  const fields = given as Readonly<Record<string, unknown>>;
  const problems = Object.keys(fields)
    .filter((name) => !FIELDS.includes(name))
    .map((name) => `${name}: unknown field; there are ${FIELDS.join(', ')}`);
  /** A field's value, or its default where it is absent; what `fits` refuses is a problem. */
  const field = <T>(name: string, fallback: T, must: string, fits: (value: unknown) => value is T): T => {
    const value = fields[name];
    if (value === undefined || value === null) return fallback;
    if (fits(value)) return value;
    problems.push(`${name}: must be ${must}, not ${JSON.stringify(value)}`);
    return fallback;
  };
  const held = field('held', null, '{"owner": text, "epoch": whole number}', isHeld);
  const order: TuningRequest = {
    service: field('service', 'retriever', NAME_RULE.replace('must be ', ''), isName),
    lane: field(
      'lane',
      held === null ? 'stable' : 'candidate',
      'stable or candidate',
      oneOf('stable', 'candidate'),
    ),
    priority: field(
      'priority',
      'balanced',
      'balanced, latency or accuracy',
      oneOf('balanced', 'latency', 'accuracy'),
    ),
    targetMs: field('targetMs', TARGET_MS, 'milliseconds over 0', isPositive),
    nprobes: field(
      'nprobes',
      NPROBES,
      `1 to ${MOST_NPROBES} different whole numbers up to ${LARGEST_NPROBE}`,
      isNprobes,
    ),
    apply: field('apply', true, 'true or false', (value) => typeof value === 'boolean'),
    held,
  };
  return problems.length === 0 ? { order } : { problems };
}

function oneOf<T extends string>(...choices: readonly T[]): (value: unknown) => value is T {
  return (value): value is T => choices.some((choice) => choice === value);
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

function isHeld(value: unknown): value is { owner: string; epoch: number } | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { owner, epoch, ...more } = value as Readonly<Record<string, unknown>>;
  return (
    typeof owner === 'string' && owner !== '' && Number.isInteger(epoch) && Object.keys(more).length === 0
  );
}
