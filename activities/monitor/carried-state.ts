import { gunzipSync, gzipSync } from 'node:zlib';
import type { Packed } from '../../domain/core/packed.ts';

/** State for a heartbeat or a history, at about a tenth of its size: gzip as base64. */
export function packState<State>(state: State): Packed<State> {
  return { gzip: gzipSync(JSON.stringify(state)).toString('base64') };
}

export function unpackState<State>({ gzip }: Packed<State>): State {
  return JSON.parse(gunzipSync(Buffer.from(gzip, 'base64')).toString('utf8'));
}
