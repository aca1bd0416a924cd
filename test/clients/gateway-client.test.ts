import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { traffic } from '../support/control-commands.ts';
import { createGatewayClient, gatewayFromEnv } from '../../clients/gateway-client.ts';
import { freePort } from '../../devstack/ports.ts';

const nobody = `http://127.0.0.1:${await freePort()}`;
const client = async (env: Readonly<Record<string, string>>) =>
  createGatewayClient(gatewayFromEnv({ CONTROL_TOKEN: 'a-token-of-this-test', ...env }));

it.each([
  [
    'no token',
    { CONTROL_TOKEN: '', CONTROL_TOKEN_FILE: '/nowhere/token' },
    'no control token at /nowhere/token: set CONTROL_TOKEN or CONTROL_TOKEN_FILE',
  ],
  [
    'nobody there',
    { CONTROL_URL: nobody },
    `the gateway's control listener does not answer at ${nobody} (CONTROL_URL): this call changed nothing`,
  ],
  [
    'no address',
    { CONTROL_URL: 'nonsense' },
    'CONTROL_URL: must be an http(s) URL such as http://127.0.0.1:8080, not "nonsense"',
  ],
  [
    'no protocol',
    { CONTROL_URL: 'localhost:8081' },
    'CONTROL_URL: must be an http(s) URL such as http://127.0.0.1:8080, not "localhost:8081"',
  ],
])('the operator reads what is wrong: %s', async (_, env, words) => {
  await expect(client(env).then((of) => of.change({ by: 'test', commands: [traffic(0)] }))).rejects.toThrow(
    words,
  );
});

it('does not claim that nothing was changed where the change may have arrived', async () => {
  const server = createServer((socket) => socket.once('data', () => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const CONTROL_URL = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  try {
    const change = (await client({ CONTROL_URL })).change({ by: 'test', commands: [traffic(0)] });
    await expect(change).rejects.toThrow(/whether the change was made is not known/);
  } finally {
    server.close();
  }
});
