import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRollbackVerification } from '../../../activities/rollback/verification.ts';
import type { TestServer } from '../../support/http-server.ts';
import { startServer } from '../../support/http-server.ts';
import type { RollbackVerification } from '../../../domain/core/rollback-verification.ts';

let folder: string;
let gateway: TestServer;
const health = { version: 'v-1', percent: 0 };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verification-'));
  gateway = await startServer(() => ({ status: 200, body: health }));
});
afterEach(async () => {
  await gateway.close();
  await rm(folder, { recursive: true });
});

describe('the proof that the old answers are back', () => {
  const verify = (release: string): Promise<RollbackVerification> => {
    const { verifyRollback } = createRollbackVerification({
      gatewayUrl: gateway.url,
      control: { token: { value: 'the token of these tests' } },
      releasesDir: folder,
      artifactsDir: folder,
      metrics: { snapshot: async () => ({ kind: 'missing', reason: 'not asked' }), lacking: async () => [] },
    });
    return new MockActivityEnvironment().run(verifyRollback, { release, withinMs: 0 });
  };

  it('is missing where its probes cannot be read: it says so, and that users are back', async () => {
    const found = await verify('v-1');
    expect(found).toMatchObject({ verified: false, version: 'v-1', probes: 0 });
    expect(found.reason).toContain('v-1 is back, but its probes cannot be read');
  });

  it('is missing where another release answers', async () => {
    expect(await verify('v-2')).toMatchObject({ verified: false, reason: '/health says v-1, not v-2' });
  });
});
