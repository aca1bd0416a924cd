import type { Environment } from './settings.ts';

/** In every spelling that a client of ours understands: gRPC takes networks, undici an IPv6 address in brackets alone. */
const LOOPBACK = ['127.0.0.1', '127.0.0.0/8', 'localhost', '::1', '[::1]'];

/**
 * Variables that keep a process, and those that it starts, from asking a proxy for what listens on its own machine, which a
 * proxy cannot reach. gRPC asks that of `http_proxy` for every address, undici where NODE_USE_ENV_PROXY is set. Other
 * addresses go by the proxy as before, and what was excepted stays so.
 */
export function loopbackWithoutProxy(env: Environment): Record<string, string> {
  const excepted = env['no_proxy'] || env['NO_PROXY'] || '';
  const all = extended(excepted);
  return {
    // An asterisk means all addresses to those that know it, and only while it stands alone.
    ...(excepted.trim() === '*' ? {} : { no_proxy: all, NO_PROXY: all }),
    no_grpc_proxy: extended(env['no_grpc_proxy'] || excepted),
  };
}

function extended(list: string): string {
  const entries = list.split(/[\s,]+/).filter((entry) => entry !== '');
  return [...entries, ...LOOPBACK.filter((entry) => !entries.includes(entry))].join(',');
}
