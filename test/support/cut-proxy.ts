import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { request } from 'undici';

/** An HTTP proxy whose one path can be cut off, as when a metrics endpoint is gone, or keep a request to itself. */
export interface CutProxy {
  readonly url: string;
  forwardTo(url: string): void;
  cut(path: string | null): void;
  /** Resolves when the next request that is meant comes; it is neither forwarded nor answered. */
  hold(isMeant: (request: Held) => boolean): Promise<Held>;
  close(): Promise<void>;
}

export interface Held {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

/** Of one connection each: they are not the request's. */
const HOP_BY_HOP = ['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'expect'];

export async function startCutProxy(): Promise<CutProxy> {
  let target = '';
  let gone: string | null = null;
  let holding: { isMeant: (request: Held) => boolean; held: (request: Held) => void } | null = null;
  const server = createServer((incoming, outgoing) => {
    // Who is being killed on the other side does not answer: neither does this.
    answer(incoming, outgoing).catch(() => outgoing.destroy());
  });
  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { method = 'GET', url: path = '/' } = incoming;
    const seen = { method, path, body: body.toString() };
    if (holding?.isMeant(seen) === true) {
      holding.held(seen);
      holding = null;
      return;
    }
    if (path === gone) {
      outgoing.destroy();
      return;
    }
    const headers = Object.entries(incoming.headers).filter(([name]) => !HOP_BY_HOP.includes(name));
    const answered = await request(`${target}${path}`, {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what came is passed on
      method: method as 'GET' | 'POST' | 'PUT',
      headers: Object.fromEntries(headers),
      body: method === 'GET' ? null : body,
    });
    const type = answered.headers['content-type'] ?? 'text/plain';
    outgoing.writeHead(answered.statusCode, { 'content-type': type });
    outgoing.end(Buffer.from(await answered.body.arrayBuffer()));
  }
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    forwardTo: (url) => {
      target = url;
    },
    cut: (path) => {
      gone = path;
    },
    hold: (isMeant) => new Promise((held) => (holding = { isMeant, held })),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
