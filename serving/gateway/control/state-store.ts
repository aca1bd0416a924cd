import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeJson } from '../../../platform/json-file.ts';
import { z } from 'zod';
import type { ControlState } from '../../../domain/control/state.ts';
import { SPLIT_VERSIONS } from '../../../domain/control/traffic-split.ts';
import { GatewayClock } from './clock.ts';
import type { Reading } from './clock.ts';

const flags = z.strictObject({
  impl: z.enum(['amn_v0', 'gru_v0']),
  reranker: z.enum(['on', 'off']),
  nprobe: z.int().positive(),
});
const spec = z.strictObject({ release: z.string().min(1), flags: flags.nullable() });

const stateSchema = z.strictObject({
  epoch: z.int().nonnegative(),
  owner: z.string(),
  epochKey: z.string(),
  steps: z.array(z.string()),
  rollbacks: z
    .array(z.strictObject({ key: z.string(), to: z.string(), epoch: z.int().nonnegative() }))
    .default([]),
  percent: z.number().min(0).max(100),
  splitVersion: z
    .int()
    .refine((version) => SPLIT_VERSIONS.includes(version), {
      error: `is not known to this gateway, which would move users: start the newer one (known: ${SPLIT_VERSIONS.join(', ')})`,
    })
    .default(1),
  // What an earlier gateway kept knows of no shadow.
  shadowPercent: z.number().min(0).max(100).default(0),
  lanes: z.strictObject({
    stable: spec,
    candidate: spec.nullable(),
    previous: spec.extend({ untilMs: z.number() }).nullable(),
    spare: spec.nullable(),
  }),
  promoting: z.strictObject({ untilMs: z.number() }).nullable(),
  restoring: z.string().nullable(),
  lease: z.strictObject({ expiresAtMs: z.number(), onExpiry: z.enum(['zero', 'keep']) }).nullable(),
  holderSeenMs: z.number().nullable().default(null),
  experiment: z
    .strictObject({ name: z.string(), offPercent: z.number(), untilMs: z.number() })
    .nullable()
    .default(null),
  interventions: z.int().nonnegative(),
  lastIntervention: z
    .strictObject({
      kind: z.enum(['byHand', 'leaseLost', 'killSwitch']),
      by: z.string(),
      atMs: z.number(),
      what: z.string(),
      percentBefore: z.number(),
    })
    .nullable(),
  changedAtMs: z.number(),
  changedBy: z.string(),
}) satisfies z.ZodType<ControlState>;

const clockSchema = z.strictObject({
  steadyMs: z.number(),
  wallMs: z.number(),
  bootId: z.string().nullable(),
  monotonicMs: z.number(),
}) satisfies z.ZodType<Reading>;

/** What the file holds. A file that a person wrote may lack the clock. */
const keptSchema = stateSchema.extend({ clock: clockSchema.nullable().default(null) });

/** The control state on disk. */
export interface StateStore {
  /** Null at the first boot. Throws, naming the file, where it is not what `save` wrote: a guess could move users. */
  load(): Promise<ControlState | null>;
  /** Atomic and fsynced: after it resolves, kill -9 does not lose the state, and during it leaves the old one. */
  save(state: ControlState): Promise<void>;
}

/**
 * A store of one file, `<folder>/control.json`, with what the clock read at each write: `load` has the clock go on from
 * there, so that times of the state mean the same after a restart.
 */
export function createStateStore(folder: string, clock: GatewayClock = new GatewayClock()): StateStore {
  const file = join(folder, 'control.json');
  return {
    async load() {
      let text: string;
      try {
        text = await readFile(file, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
      const { clock: reading, ...state } = parseState(file, text);
      if (reading !== null) clock.goOn(reading);
      return reading === null ? withoutLeftLease(state, clock.now()) : state;
    },
    async save(state) {
      await writeJson(file, { ...state, clock: clock.read() }, { mode: 0o600 });
    },
  };
}

/** How much was left of a lease is not known without a clock: none is the safe answer. */
function withoutLeftLease(state: ControlState, nowMs: number): ControlState {
  return state.lease === null ? state : { ...state, lease: { ...state.lease, expiresAtMs: nowMs } };
}

function parseState(file: string, text: string): z.infer<typeof keptSchema> {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file} is not JSON: restore it, or remove it to begin with all users on stable`, {
      cause,
    });
  }
  const parsed = keptSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new Error(
    `${file} is not a control state (${problems}): restore it, or remove it to begin with all users on stable`,
  );
}
