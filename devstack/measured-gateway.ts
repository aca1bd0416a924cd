import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeCommand, startProcess } from './process.ts';

/** A gateway of a measurement's own: where it listens, its token, and a folder that is removed with it. */
export interface MeasuredGateway {
  readonly urls: { readonly gateway: string; readonly control: string };
  readonly token: string;
  readonly folder: string;
}

const TOKEN = 'measured-on-this-machine';

/** Runs `measure` on a gateway that serves `stable` out of `releasesDir` on free ports, and returns what it found; ends the gateway in any case. */
export async function onMeasuredGateway<T>(
  { releasesDir, stable }: { readonly releasesDir: string; readonly stable: string },
  measure: (gateway: MeasuredGateway) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'measured-gateway-'));
  const gateway = startProcess({
    name: 'gateway',
    command: nodeCommand('serving/gateway/main'),
    env: {
      GATEWAY_PORT: '0',
      CONTROL_PORT: '0',
      CONTROL_TOKEN: TOKEN,
      STATE_DIR: join(folder, 'state'),
      RELEASES_DIR: releasesDir,
      STABLE_RELEASE: stable,
    },
    logFile: join(folder, 'gateway.log'),
  });
  try {
    const urls = await gateway.firstLine(
      (line) => (line.startsWith('{"event":"listening"') ? JSON.parse(line) : null),
      60_000,
    );
    return await measure({ urls, token: TOKEN, folder });
  } finally {
    await gateway.stop();
    await rm(folder, { recursive: true });
  }
}
