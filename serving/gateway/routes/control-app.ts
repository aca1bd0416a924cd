import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { AnyLane, Refusal, TakeEpoch } from '../../../domain/control/state.ts';
import type { Rollback, RolledBack } from '../../../domain/control/change.ts';
import { LANE_HEADERS, parseFlags } from '../../../domain/control/http.ts';
import type { Command } from '../../../domain/control/apply-command.ts';
import type { AppOptions } from '../../http/app.ts';
import { createApp } from '../../http/app.ts';
import { parseBody } from '../../http/parse-body.ts';
import { ProblemError } from '../../http/problem.ts';
import { tokenFits } from '../../http/bearer-token.ts';
import type { ControlPlane } from '../control/control-plane.ts';
import { PersistenceError } from '../control/control-plane.ts';
import type { Gateway } from '../proxy/gateway.ts';
import type { Asked } from './change-body.ts';
import { askedOf, changeSchema, releasesNamed, rollbackSchema, text, ttlMs } from './change-body.ts';
import { sendServed, userRequest } from './request-adapter.ts';

const epochSchema = z.strictObject({
  owner: text,
  key: text,
  expected: z.strictObject({ owner: z.string(), epoch: z.int().nonnegative() }),
  unsaved: z.literal('accepted').optional(),
});
const leaseSchema = z.strictObject({ epoch: z.int().nonnegative(), ttlMs });
const laneSchema = z.enum(['stable', 'candidate', 'previous', 'spare']);

export interface ControlDeps extends AppOptions {
  readonly gateway: Gateway;
  readonly control: ControlPlane;
  readonly token: string;
  /** Releases whose lanes answer now. */
  readonly warm: () => readonly string[];
  /** Whether there is a folder for that release; what is in it, its lane judges. */
  readonly knows: (release: string) => Promise<boolean>;
}

/** The control listener: who may change traffic, and how. Every route wants the bearer token. */
export function createControlApp(deps: ControlDeps): FastifyInstance {
  const { gateway, control } = deps;
  const app = createApp(deps);
  app.addHook('onRequest', (request, _reply, done) => {
    done(
      tokenFits(request.headers.authorization, deps.token)
        ? undefined
        : new ProblemError(401, 'a bearer token is needed'),
    );
  });
  const apply = async (command: Command) => {
    const applied = await control.apply(command).catch((error: unknown) => {
      throw error instanceof PersistenceError ? unsavedProblem(error, gateway) : error;
    });
    if (applied.kind === 'refused') throw refusalProblem(applied.refusal, gateway);
    return gateway.view();
  };

  // What a lane has already needs no folder: that may be on a share that is away, or hangs.
  const isThere = async (name: string) =>
    deps.warm().includes(name) ||
    Object.values(control.state.lanes).some((lane) => lane?.release === name) ||
    deps.knows(name);
  async function carryOut(asked: Asked, toField = 'rollbackTo') {
    for (const [field, name] of releasesNamed(asked, toField))
      if (!(await isThere(name))) throw new ProblemError(422, `${field}: there is no release ${name}`, field);
    return apply({ ...asked, world: { killSwitch: control.killSwitch, warm: deps.warm() } });
  }

  app.get('/control', () => gateway.view());
  app.put('/control', (request) =>
    carryOut(askedOf(parseBody(changeSchema, request.body), `by hand ${randomUUID()}`)),
  );
  app.post('/control/rollback', async (request): Promise<RolledBack> => {
    const body = parseBody(rollbackSchema, request.body) as Rollback;
    const view = await carryOut({ kind: 'rollback', body }, 'to');
    const done = control.state.rollbacks.find(({ key }) => key === body.key);
    if (done === undefined) throw new Error(`rollback ${body.key} is not among those that were carried out`);
    return { to: done.to, epoch: done.epoch, view };
  });
  app.post('/control/epoch', async (request) => {
    const body = parseBody(epochSchema, request.body) as TakeEpoch;
    const view = await apply({ kind: 'takeEpoch', body }).catch((error: unknown) => {
      const isTaken = error instanceof ProblemError && error.members['inForce'] === true;
      if (body.unsaved !== 'accepted' || !isTaken) throw error;
      return gateway.view();
    });
    return { epoch: view.state.epoch, view };
  });
  app.post('/control/lease', async (request) => {
    const { state } = await apply({ kind: 'renewLease', body: parseBody(leaseSchema, request.body) });
    return { expiresAtMs: state.lease?.expiresAtMs ?? null };
  });
  app.post<{ Params: { lane: string } }>('/control/search/:lane', async (request, reply) => {
    const lane = laneSchema.safeParse(request.params.lane);
    if (!lane.success) throw new ProblemError(404, `there is no lane ${request.params.lane}`, 'lane');
    const header = request.headers[LANE_HEADERS.flags];
    const asked = header === undefined ? null : parseFlags(String(header));
    if (header !== undefined && asked === null)
      throw new ProblemError(
        400,
        `${LANE_HEADERS.flags}: ${String(header)} cannot be read`,
        LANE_HEADERS.flags,
      );
    return sendServed(
      reply,
      await gateway.searchLane(
        lane.data satisfies AnyLane,
        userRequest(request, reply, { synthetic: true }),
        asked,
      ),
    );
  });
  return app;
}

function refusalProblem(refusal: Refusal, gateway: Gateway): ProblemError {
  const view = gateway.view();
  const shown =
    refusal.kind === 'intervened' ? { ...refusal, intervention: view.state.lastIntervention } : refusal;
  const status = refusal.kind === 'invalid' ? 422 : 409;
  return new ProblemError(status, refusal.reason, undefined, { refusal: shown, view });
}

/** Not an acknowledgement, so that it is asked again until it is on disk; `inForce` says what it did all the same. */
function unsavedProblem({ message, inForce }: PersistenceError, gateway: Gateway): ProblemError {
  return new ProblemError(500, message, undefined, { inForce, view: gateway.view() });
}
