import { rm } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { createControlClient } from '../../../clients/gateway-client.ts';
import type { PreflightDeps } from '../../../activities/preflight/preflight.ts';
import { createPreflight } from '../../../activities/preflight/preflight.ts';
import { releasesFolder, smallRelease } from '../../fixtures/releases.ts';
import { startServer } from '../../support/http-server.ts';

it('refuses to ship what is stable already, in a sentence', async () => {
  const releasesDir = await releasesFolder(await smallRelease('v-1'));
  const gateway = await startServer(() => ({
    status: 200,
    body: { state: { lanes: { stable: { release: 'v-1' } } } },
  }));
  const control = createControlClient({ url: gateway.url, token: { value: 'a-token-of-this-test' } });
  try {
    // Nothing else is asked of anybody before this is known.
    const { preflight } = createPreflight({ service: 'retriever', releasesDir, control } as PreflightDeps);
    const { checks } = await preflight({ service: 'retriever', candidate: 'v-1' } as never);
    expect(checks).toEqual([
      {
        name: 'candidate',
        verdict: 'fail',
        reason: 'v-1 is stable already, so every user has it: there is nothing to ship',
      },
    ]);
  } finally {
    await gateway.close();
    await rm(releasesDir, { recursive: true });
  }
}, 120_000);
