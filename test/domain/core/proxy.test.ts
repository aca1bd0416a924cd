import { expect, it } from 'vitest';
import { loopbackWithoutProxy } from '../../../domain/core/proxy.ts';

const OURS = '127.0.0.1,127.0.0.0/8,localhost,::1,[::1]';

it.each<[string, Record<string, string>, Record<string, string>]>([
  ['excepts loopback', {}, { no_proxy: OURS, NO_PROXY: OURS, no_grpc_proxy: OURS }],
  [
    'keeps what is excepted already, in either case',
    { NO_PROXY: 'example.org, localhost' },
    Object.fromEntries(
      ['no_proxy', 'NO_PROXY', 'no_grpc_proxy'].map((name) => [
        name,
        'example.org,localhost,127.0.0.1,127.0.0.0/8,::1,[::1]',
      ]),
    ),
  ],
  ['leaves an asterisk, which means all, alone', { no_proxy: '*' }, { no_grpc_proxy: `*,${OURS}` }],
  [
    "keeps gRPC's own list apart",
    { no_grpc_proxy: 'temporal', no_proxy: 'gateway' },
    { no_proxy: `gateway,${OURS}`, NO_PROXY: `gateway,${OURS}`, no_grpc_proxy: `temporal,${OURS}` },
  ],
])('%s', (_, env, expected) => {
  expect(loopbackWithoutProxy(env)).toEqual(expected);
});
