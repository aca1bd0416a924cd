import { createServer } from 'node:http';
import { request } from 'undici';

/** An HTTP proxy for GET and POST whose one path can be cut off, as when a metrics endpoint is gone. */
export interface CutProxy {
  readonly url: string;
  forwardTo(url: string): void;
  cut(path: string | null): void;
  close(): Promise<void>;
}

export async function startCutProxy(): Promise<CutProxy> {
  let target = '';
  let gone: string | null = null;
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      // Who is being killed on the other side does not answer: neither does this.
      forward().catch(() => outgoing.destroy());
    });
    async function forward(): Promise<void> {
      if (incoming.url === gone) {
        outgoing.destroy();
        return;
      }
      const { 'x-synthetic': synthetic } = incoming.headers;
      const answer = await request(`${target}${incoming.url}`, {
        method: incoming.method === 'POST' ? 'POST' : 'GET',
        headers: { 'content-type': 'application/json', ...(synthetic ? { 'x-synthetic': synthetic } : {}) },
        body: incoming.method === 'POST' ? Buffer.concat(chunks) : null,
      });
      outgoing.writeHead(answer.statusCode).end(await answer.body.text());
    }
  });
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
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
