import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from './problem.ts';

/** Answers where no route fits; knows every route that the app makes from here on. */
export function installMethods(app: FastifyInstance): void {
  const methods = new KnownMethods();
  methods.listen(app);
  app.setNotFoundHandler((request, reply) => methods.answer(request, reply));
}

/** Which methods each address of an app takes, so that a wrong one can be answered with them. */
class KnownMethods {
  private readonly routes: { readonly method: string; readonly path: RegExp }[] = [];

  /** Hears of every route that is made from here on. */
  listen(app: FastifyInstance): void {
    app.addHook('onRoute', ({ method, url }) => {
      // `:id` stands for one part of the address.
      const path = new RegExp(
        `^${url.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll(/:\w+/g, '[^/]+')}$`,
      );
      for (const one of [method].flat()) this.routes.push({ method: one, path });
    });
  }

  /** The answer where no route fits: 204 to OPTIONS, 405 with `Allow` for another method, else 404. */
  answer(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const [path = ''] = request.url.split('?');
    const fitting = this.routes.filter((route) => path === '*' || route.path.test(path));
    if (fitting.length === 0) throw new ProblemError(404, `there is no ${request.method} ${path}`);
    const allow = [...new Set([...fitting.map(({ method }) => method), 'OPTIONS'])].toSorted().join(', ');
    if (request.method === 'OPTIONS') return reply.code(204).header('allow', allow).send();
    throw new ProblemError(405, `${path} takes ${allow}, not ${request.method}`).with({ allow });
  }
}
