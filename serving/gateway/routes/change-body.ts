import { z } from 'zod';
import type { ControlChange, Rollback, TrafficCommand } from '../../../domain/control/change.ts';
import { NAME_RULE, isName } from '../../../domain/core/name.ts';
import { ProblemError } from '../../http/problem.ts';

const flags = z.strictObject({
  impl: z.enum(['amn_v0', 'gru_v0']),
  reranker: z.enum(['on', 'off']),
  nprobe: z.int().min(1).max(65_536),
});
const release = z.string().refine(isName, NAME_RULE);
export const text = z.string().min(1).max(2_000);
const reason = z.string().max(2_000).optional();
export const ttlMs = z.number().min(100).max(3_600_000);
const share = z.number().min(0).max(100).optional();
const lease = z.strictObject({ ttlMs, onExpiry: z.enum(['zero', 'keep']) }).optional();
const experiment = {
  name: release,
  offPercent: z.number(),
  forMs: z
    .number()
    .positive()
    .max(31 * 86_400_000),
};
const promote = { previousForMs: z.number().nonnegative() };

const command = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('setTraffic'), percent: share, shadowPercent: share, lease }),
  z.strictObject({ kind: z.literal('setFlags'), lane: z.enum(['stable', 'candidate']), flags }),
  z.strictObject({
    kind: z.literal('loadLane'),
    lane: z.enum(['candidate', 'spare']),
    release: release.nullable(),
  }),
  z.strictObject({ kind: z.literal('startExperiment'), ...experiment }),
  z.strictObject({ kind: z.literal('endExperiment') }),
  z.strictObject({ kind: z.literal('promote'), ...promote }),
]);

/** What people type: one field for each thing to change. */
const byField = {
  percent: share,
  shadowPercent: share,
  lease,
  lanes: z
    .strictObject({ candidate: release.nullable().optional(), spare: release.nullable().optional() })
    .optional(),
  flags: z.strictObject({ stable: flags.optional(), candidate: flags.optional() }).optional(),
  experiment: z.strictObject(experiment).nullable().optional(),
  promote: z.strictObject(promote).optional(),
  rollbackTo: release.optional(),
};

/** Body of `PUT /control`: `commands`, or the fields that people type. */
export const changeSchema = z.strictObject({
  by: text,
  reason,
  epoch: z.int().nonnegative().optional(),
  step: text.optional(),
  interventions: z.int().nonnegative().optional(),
  commands: z.array(command).max(10).optional(),
  ...byField,
});
export type ChangeBody = z.infer<typeof changeSchema>;

/** What a body asks of the fence. */
export type Asked =
  | { readonly kind: 'change'; readonly body: ControlChange }
  | { readonly kind: 'rollback'; readonly body: Rollback };

/**
 * The command of a body. A `rollbackTo` becomes a rollback: that of an epoch's holder is one by its step, and any other by `key`.
 * @throws ProblemError (422) where fields exclude each other
 */
export function askedOf(body: ChangeBody, key: string): Asked {
  const { by, reason: why, epoch, step, interventions, rollbackTo: to } = body;
  const named = { by, ...(why === undefined ? {} : { reason: why }) };
  if (epoch !== undefined && step === undefined) throw wrong('step', 'is needed with epoch');
  const commands = body.commands ?? commandsOf(body);
  const fields = Object.keys(byField).filter((field) => Object.hasOwn(body, field));
  if (body.commands !== undefined && fields.length > 0)
    throw wrong('commands', `excludes ${fields.join(', ')}`);
  if (to !== undefined && fields.length > 1) throw wrong('rollbackTo', 'promote and rollbackTo stand alone');
  if (commands.length > 1 && commands.some(({ kind }) => kind === 'promote'))
    throw wrong('promote', 'promote and rollbackTo stand alone');
  if (to !== undefined)
    return {
      kind: 'rollback',
      body: { ...named, to, key: step ?? key, ...(step === undefined ? {} : { owner: by }) },
    };
  const holder =
    epoch === undefined ? {} : { epoch, step, ...(interventions === undefined ? {} : { interventions }) };
  return { kind: 'change', body: { ...named, commands, ...holder } as ControlChange };
}

/** In the order in which they make sense together: users leave a candidate before another is loaded. */
function commandsOf(body: ChangeBody): TrafficCommand[] {
  const { percent, shadowPercent, lease: leased, lanes = {}, flags: set = {}, experiment: trial } = body;
  const traffic = Object.entries({ percent, shadowPercent, lease: leased }).filter(
    ([, value]) => value !== undefined,
  );
  return [
    ...(traffic.length === 0 ? [] : [{ kind: 'setTraffic', ...Object.fromEntries(traffic) }]),
    ...(['candidate', 'spare'] as const).flatMap((lane) =>
      lanes[lane] === undefined ? [] : [{ kind: 'loadLane', lane, release: lanes[lane] }],
    ),
    ...(['stable', 'candidate'] as const).flatMap((lane) =>
      set[lane] === undefined ? [] : [{ kind: 'setFlags', lane, flags: set[lane] }],
    ),
    ...(trial === undefined
      ? []
      : [trial === null ? { kind: 'endExperiment' } : { kind: 'startExperiment', ...trial }]),
    ...(body.promote === undefined ? [] : [{ kind: 'promote', ...body.promote }]),
  ] as TrafficCommand[];
}

/** Body of `POST /control/rollback`. */
export const rollbackSchema = z.strictObject({
  key: text,
  by: text,
  reason,
  to: release.nullable().default(null),
  owner: text.optional(),
});

/** The releases that a command names, each by the field that names it; `toField` is a rollback's. */
export function releasesNamed(
  { kind, body }: Asked,
  toField: string,
): readonly (readonly [string, string])[] {
  if (kind === 'rollback') return body.to === null ? [] : [[toField, body.to]];
  return body.commands.flatMap((one): [string, string][] =>
    one.kind === 'loadLane' && one.release !== null ? [[`lanes.${one.lane}`, one.release]] : [],
  );
}

function wrong(field: string, rule: string): ProblemError {
  return new ProblemError(422, `${field}: ${rule}`, field);
}
