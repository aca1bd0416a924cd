import { loopbackWithoutProxy } from '../../domain/core/proxy.ts';

/** For the beginning of every command: what it and its children ask of this machine goes past a proxy, and it works on when nobody reads what it says. */
export function prepareProcess(): void {
  Object.assign(process.env, loopbackWithoutProxy(process.env));
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}
